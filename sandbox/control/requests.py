"""Reading control requests: what is missing or wrong is said with the name of the field."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

E164 = re.compile(r"\+?([1-9][0-9]{5,14})")


class ApiError(Exception):
    """Becomes `{"code", "detail"}` (and `field`) with this HTTP status."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field


def invalid(field: str, problem: str) -> ApiError:
    """422, naming the field."""
    return ApiError(422, "invalid", f"{field}: {problem}", field)


def digits_of(text: str, field: str) -> str:
    """The digits of an E.164 number. Raises ApiError (422)."""
    match = E164.fullmatch(text.strip())
    if match is None:
        raise invalid(field, "must be a phone number in E.164 form such as +15550001000")
    return match[1]


@dataclass(frozen=True, slots=True)
class Fields:
    """The members of a JSON body, or the query of a URL. Accessors raise ApiError (422)."""

    values: Mapping[str, Any]

    def __contains__(self, field: str) -> bool:
        return self.values.get(field) is not None

    def text(self, field: str, default: str | None = None) -> str:
        """A text that is not empty, or the default when it is absent."""
        value = self.values.get(field)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value:
            raise invalid(field, "must be a text that is not empty")
        return value

    def digits(self, field: str) -> str:
        """The digits of a phone number."""
        return digits_of(self.text(field), field)

    def flag(self, field: str) -> bool:
        """True or false, false when it is absent."""
        value = self.values.get(field)
        if value not in (None, True, False):
            raise invalid(field, "must be true or false")
        return bool(value)

    def number(self, field: str, *, minimum: float, maximum: float) -> float | None:
        """A number in this range; None when it is absent."""
        value = self.values.get(field)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise invalid(field, "must be a number") from error
        if isinstance(value, bool) or not minimum <= number <= maximum:
            raise invalid(field, f"must be a number from {minimum:g} to {maximum:g}")
        return number

    def integer(self, field: str, *, minimum: int, maximum: int) -> int | None:
        """A whole number in this range; None when it is absent."""
        number = self.number(field, minimum=minimum, maximum=maximum)
        if number is None:
            return None
        if not number.is_integer():
            raise invalid(field, "must be a whole number")
        return int(number)

    def choice(self, field: str, choices: frozenset[str]) -> str:
        """One of these texts."""
        value = self.text(field)
        if value not in choices:
            raise invalid(field, f"must be one of {', '.join(sorted(choices))}")
        return value

    def data(self, field: str) -> bytes:
        """Base64 data; empty when the field is null."""
        if field not in self.values:
            raise invalid(field, "must be base64, or null")
        try:
            return base64.b64decode(self.values[field] or "", validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise invalid(field, "must be base64, or null") from error
