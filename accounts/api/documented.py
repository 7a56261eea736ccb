"""What the schema says of operations: the codes of their refusals, in the words of the table."""

from __future__ import annotations

import re

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from .problem_codes import CODES

_LINE = re.compile(r"^`(\w+)`: ", re.MULTILINE)


class Schema(AutoSchema):
    def get_description(self) -> str:  # type: ignore[override]  # as its own base does
        """Only what `extend_schema` says: the docstrings of views are for who reads the code."""
        return ""


def codes(*names: str) -> OpenApiResponse:
    """The answer of a view's schema that is a problem with one of these codes."""
    return OpenApiResponse(description=described(names))


def described(names: tuple[str, ...] | list[str]) -> str:
    return "\n\n".join(f"`{name}`: {CODES[name].meaning} {CODES[name].remedy}" for name in names)


def names_in(description: str) -> list[str]:
    """The codes that `described` wrote into a description."""
    return _LINE.findall(description)
