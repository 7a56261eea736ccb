"""Refusals in the schema: which codes an operation may answer with, in the words of the table."""

from __future__ import annotations

import re

from drf_spectacular.utils import OpenApiResponse

from .problem_codes import CODES

_LINE = re.compile(r"^`(\w+)`: ", re.MULTILINE)


def codes(*names: str) -> OpenApiResponse:
    """The answer of a view's schema that is a problem with one of these codes."""
    return OpenApiResponse(description=described(names))


def described(names: tuple[str, ...] | list[str]) -> str:
    return "\n\n".join(f"`{name}`: {CODES[name].meaning} {CODES[name].remedy}" for name in names)


def names_in(description: str) -> list[str]:
    """The codes that `described` wrote into a description."""
    return _LINE.findall(description)
