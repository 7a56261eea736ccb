"""One question at a time for one thing in one process: whoever comes meanwhile waits for it.

Nothing is left behind: the leader works in its own thread, the others wait on an event with a
deadline, and the entry goes with the leader whatever happens to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from django.db import connection


class Flights:
    """At most `most` run at once in this process."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(most)
        self._under_way: dict[Hashable, threading.Event] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def share(
        self, key: Hashable, work: Callable[[], None], timeout: float, *, room_within: float
    ) -> bool:
        """Run `work`, or wait up to `timeout` seconds for whoever runs it. False: still running, or
        there was no room for it within `room_within` seconds."""
        with self._lock:
            landed = self._under_way.get(key)
            leading = landed is None
            if landed is None:
                landed = self._under_way[key] = threading.Event()
        if not leading:
            release_connection()
            return landed.wait(max(0.0, timeout))
        try:
            return self._run(work, room_within)
        finally:
            with self._lock:
                del self._under_way[key]
            landed.set()

    def _run(self, work: Callable[[], None], room_within: float) -> bool:
        if not self._room.acquire(blocking=False):
            release_connection()
            if not self._room.acquire(timeout=room_within):
                return False
        try:
            work()
        finally:
            self._room.release()
        return True


def release_connection() -> None:
    """Give the database connection back before a wait: a hundred waiting requests would otherwise
    hold a hundred of them, and with a pool everybody else waits too."""
    if not connection.in_atomic_block:
        connection.close()
