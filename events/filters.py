"""The query parameters by which events are asked for, the same for REST and websocket."""

from __future__ import annotations

from uuid import UUID

from . import types

MAX_SEQ = 2**62


class FilterError(ValueError):
    """A parameter is wrong; `field` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}.")
        self.field = field


def parse_cursor(text: str | None) -> int:
    if text in (None, ""):
        return 0
    if not (text.isascii() and text.isdigit()) or int(text) > MAX_SEQ:
        raise FilterError("after", "use the seq of an event, a whole number from 0")
    return int(text)


def parse_types(text: str | None) -> list[str] | None:
    """None means all types."""
    wanted = [part.strip() for part in (text or "").split(",") if part.strip()]
    for name in wanted:
        if name not in types.ALL:
            raise FilterError(
                "types", f"there is no type '{name[:60]}'; use {', '.join(sorted(types.ALL))}"
            )
    return wanted or None


def parse_account(text: str | None) -> UUID | None:
    if text in (None, ""):
        return None
    try:
        return UUID(text)
    except ValueError:
        raise FilterError("account", "use the id of an account") from None
