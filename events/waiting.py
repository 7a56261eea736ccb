"""Long-polls: wait until something happens in a workspace's log. Woken by hints, else by POLL."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from . import hints

POLL = 0.5  # seconds between looks without a hint

_lock = threading.Lock()
_waiters: dict[UUID, set[threading.Event]] = defaultdict(set)


class News:
    """Look at the database, then `wait`; what happened in between is not missed."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def wait(self, seconds: float) -> None:
        self._event.wait(max(0.0, min(seconds, POLL)))
        self._event.clear()


@contextmanager
def for_events(workspace_id: UUID) -> Iterator[News]:
    event = threading.Event()
    with _lock:
        _waiters[workspace_id].add(event)
    listen()
    try:
        yield News(event)
    finally:
        with _lock:
            _waiters[workspace_id].discard(event)
            if not _waiters[workspace_id]:
                del _waiters[workspace_id]


def listen() -> None:
    """Be woken by hints from now on. Long-polls do it themselves; a server does it at start."""
    hints.hear(_wake)


def _wake(workspace_id: UUID, _seq: int) -> None:
    with _lock:
        for event in _waiters.get(workspace_id, ()):
            event.set()
