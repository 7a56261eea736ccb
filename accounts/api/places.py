"""A place in an ordered list: between two rows, named by the values that the order is made of."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q

LONGEST = 1_000  # characters of a cursor


class NoPlace(ValueError):
    """This text is no cursor of this list."""


@dataclass(frozen=True, slots=True)
class Place:
    """Right after the row with these values, looking on; or right before it, looking `back`."""

    back: bool
    values: tuple[Any, ...]


def turned(order: Sequence[str]) -> tuple[str, ...]:
    return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order)


def beyond(order: Sequence[str], place: Place) -> Q:
    """Rows that come after the place in this order."""
    names = [name.lstrip("-") for name in order]
    side = "lt" if order[0].startswith("-") else "gt"
    found = Q()
    for n, name in enumerate(names):
        same = dict(zip(names[:n], place.values, strict=False))
        found |= Q(**same, **{f"{name}__{side}": place.values[n]})
    # The same once more in a form that a database uses an index for.
    return found & Q(**{f"{names[0]}__{side}e": place.values[0]})


def written(order: Sequence[str], row: Model, *, back: bool) -> str:
    """The place of a row, as text for an address."""
    values = [getattr(row, name.lstrip("-")) for name in order]
    told = [int(back), *(v.isoformat() if isinstance(v, datetime) else str(v) for v in values)]
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


def read(order: Sequence[str], model: type[Model], text: str) -> Place:
    """The place that `written` wrote. NoPlace for anything else."""
    try:
        if len(text) > LONGEST:
            raise ValueError("too long")
        told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        back, *values = told
        if back not in (0, 1) or len(values) != len(order):
            raise ValueError("another list")
        found = [_value(model, name, value) for name, value in zip(order, values, strict=True)]
    except (ValueError, TypeError, OverflowError, ValidationError) as exc:
        raise NoPlace(str(exc)) from exc
    return Place(bool(back), tuple(found))


def _value(model: type[Model], name: str, text: object) -> Any:
    if not isinstance(text, str) or "\x00" in text:
        raise ValueError("a value is a text")
    field = model._meta.get_field(name.lstrip("-"))
    assert isinstance(field, Field)
    value = field.to_python(text)
    return value.astimezone(UTC) if isinstance(value, datetime) else value
