"""Single values of a request, checked. Pure. Every refusal names the field and what to write."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

Body = Mapping[str, Any]


class Invalid(ValueError):
    """This request cannot become a message. `field` is where, the text is what to do about it."""

    def __init__(self, field: str, detail: str, *, code: str = "invalid") -> None:
        super().__init__(f"{field}: {detail}" if field else detail)
        self.field, self.code = field, code
        self.detail = detail


def mapping(value: Any, field: str) -> Body:
    if not isinstance(value, Mapping):
        raise Invalid(field, f"use an object, not {_kind(value)}")
    return value


def only(body: Body, allowed: Collection[str], field: str, *, what: str) -> None:
    """Refuses names that mean nothing here: a typing error must not change what is sent."""
    unknown = sorted(str(name) for name in body if name not in allowed)
    if unknown:
        name = unknown[0][:60]
        where = f"{field}.{name}" if field else name
        raise Invalid(where, f"{what} has no such field; use {', '.join(sorted(allowed))}")


def text(
    body: Body, name: str, *, most: int, prefix: str = "", empty: bool = False, default: str = ""
) -> str:
    """A string of at most `most` characters. Without `empty` it must say something."""
    field = prefix + name
    value = body.get(name)
    if value is None:
        if empty:
            return default
        raise Invalid(field, "it is missing")
    if not isinstance(value, str):
        raise Invalid(field, f"use a string, not {_kind(value)}")
    if len(value) > most:
        raise Invalid(field, f"use at most {most:,} characters; these are {len(value):,}")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise Invalid(field, "leave out the characters NUL and U+D800 to U+DFFF")
    if not empty and not value.strip():
        raise Invalid(field, "it is empty")
    return value


def number(body: Body, name: str, *, least: float, most: float, prefix: str = "") -> float:
    value = body.get(name)
    field = prefix + name
    if value is None:
        raise Invalid(field, "it is missing")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(field, f"use a number, not {_kind(value)}")
    if not math.isfinite(value) or not least <= value <= most:
        raise Invalid(field, f"use a number from {least:g} to {most:g}")
    return float(value)


def whole(body: Body, name: str, *, least: int, most: int, default: int, prefix: str = "") -> int:
    value = body.get(name)
    field = prefix + name
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(field, f"use a whole number, not {_kind(value)}")
    if not least <= value <= most:
        raise Invalid(field, f"use a whole number from {least} to {most}")
    return value


def flag(body: Body, name: str, *, default: bool = False) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Invalid(name, f"use true or false, not {_kind(value)}")
    return value


def sequence(
    body: Body, name: str, *, least: int, most: int, prefix: str = "", what: str = "entries"
) -> list[Any]:
    value = body.get(name)
    field = prefix + name
    if value is None:
        value = []
    if not isinstance(value, list):
        raise Invalid(field, f"use a list, not {_kind(value)}")
    if not least <= len(value) <= most:
        raise Invalid(field, f"use {least} to {most:,} {what}; these are {len(value):,}")
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a string"}
    return kinds.get(type(value), "a list" if isinstance(value, list) else "an object")
