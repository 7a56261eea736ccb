"""What need not be read again for each of a hundred facts that one transaction stores.

Only for rows that this transaction does not change, or where the one who changes them says
`forget`. Outside of a batch nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

T = TypeVar("T")

_known: ContextVar[dict[Hashable, Any] | None] = ContextVar("batch", default=None)


@contextmanager
def batch() -> Iterator[None]:
    """Remember from here to the end of the block, which is one transaction or a part of one."""
    if _known.get() is not None:
        yield  # the whole transaction's
        return
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def once(key: Hashable, read: Callable[[], T]) -> T:
    """What `read` answers; within a batch it is asked once for each key."""
    known = _known.get()
    if known is None:
        return read()
    if key not in known:
        known[key] = read()
    return cast(T, known[key])


def forget(key: Hashable = None) -> None:
    """Read this one anew; without a key, everything: a part of the transaction was undone."""
    known = _known.get()
    if known is None:
        return
    if key is None:
        known.clear()
    else:
        known.pop(key, None)
