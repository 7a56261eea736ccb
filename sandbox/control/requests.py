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
    """The members of a JSON body, or the query of a URL. Accessors raise ApiError (422).

    `prefix` is where the members are in the body, for error messages: `media.`.
    """

    values: Mapping[str, Any]
    prefix: str = ""

    def __contains__(self, field: str) -> bool:
        return self.values.get(field) is not None

    def text(self, field: str, default: str | None = None) -> str:
        """A text that is not empty, or the default when it is absent."""
        value = self.values.get(field)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value:
            raise self.invalid(field, "must be a text that is not empty")
        return value

    def digits(self, field: str) -> str:
        """The digits of a phone number."""
        return digits_of(self.text(field), self.prefix + field)

    def flag(self, field: str) -> bool:
        """True or false, false when it is absent."""
        value = self.values.get(field)
        if value not in (None, True, False):
            raise self.invalid(field, "must be true or false")
        return bool(value)

    def number(self, field: str, *, minimum: float, maximum: float) -> float | None:
        """A number in this range; None when it is absent."""
        value = self.values.get(field)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise self.invalid(field, "must be a number") from error
        if isinstance(value, bool) or not minimum <= number <= maximum:
            raise self.invalid(field, f"must be a number from {minimum:g} to {maximum:g}")
        return number

    def integer(self, field: str, *, minimum: int, maximum: int) -> int | None:
        """A whole number in this range; None when it is absent."""
        number = self.number(field, minimum=minimum, maximum=maximum)
        if number is None:
            return None
        if not number.is_integer():
            raise self.invalid(field, "must be a whole number")
        return int(number)

    def choice(self, field: str, choices: frozenset[str]) -> str:
        """One of these texts."""
        value = self.text(field)
        if value not in choices:
            raise self.invalid(field, f"must be one of {', '.join(sorted(choices))}")
        return value

    def data(self, field: str) -> bytes:
        """Base64 data; empty when the field is null."""
        if field not in self.values:
            raise self.invalid(field, "must be base64, or null")
        try:
            return base64.b64decode(self.values[field] or "", validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise self.invalid(field, "must be base64, or null") from error

    def optional(self, field: str) -> str:
        """A text that may be empty, as it is when the field is absent."""
        value = self.values.get(field)
        if value is not None and not isinstance(value, str):
            raise self.invalid(field, "must be a text")
        return value or ""

    def part(self, field: str) -> "Fields":
        """An object inside."""
        value = self.values.get(field)
        if not isinstance(value, dict):
            raise self.invalid(field, "must be an object")
        return Fields(value, f"{self.prefix}{field}.")

    def parts(self, field: str, *, maximum: int) -> list["Fields"]:
        """A list of objects, at least one."""
        items = self._items(field, maximum)
        if any(not isinstance(item, dict) for item in items):
            raise self.invalid(field, "must be a list of objects")
        return [Fields(item, f"{self.prefix}{field}.{index}.") for index, item in enumerate(items)]

    def texts(self, field: str, *, maximum: int) -> list[str]:
        """A list of texts that are not empty; none when the field is absent."""
        if field not in self:
            return []
        items = self._items(field, maximum, minimum=0)
        if any(not isinstance(item, str) or not item for item in items):
            raise self.invalid(field, "must be a list of texts that are not empty")
        return items

    def _items(self, field: str, maximum: int, minimum: int = 1) -> list[Any]:
        value = self.values.get(field)
        if not isinstance(value, list) or not minimum <= len(value) <= maximum:
            raise self.invalid(field, f"must be a list of {minimum} to {maximum}")
        return value

    def invalid(self, field: str, problem: str) -> ApiError:
        """422, naming the field with where it is."""
        return invalid(self.prefix + field, problem)
