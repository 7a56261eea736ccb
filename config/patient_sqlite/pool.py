"""Open connections to SQLite files that nobody uses at the moment.

To open one costs 3 ms of CPU, since SQLite reads the whole schema at the first statement: more than
most of our queries, and each request and each unit of background work would pay it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakSet

IDLE = 16  # connections kept for one file
LONGEST_IDLE = 60.0  # seconds; what a rush has left open is closed when it is over

FileId = tuple[int, int]  # device, inode


class Connection(sqlite3.Connection):
    """One that can be lent again and again. `file_id` is the file as it was when it was opened,
    `idle_since` when it was given back, on the clock time.monotonic()."""

    file_id: FileId | None = None
    idle_since = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        made = super().cursor(*args, **kwargs)
        self._cursors.add(made)
        return made

    def end_reading(self) -> None:
        """A cursor that somebody still holds would keep the database as it was when it began."""
        for cursor in list(self._cursors):
            cursor.close()
        self._cursors.clear()


class Pool:
    """Threads may share it. Never more than IDLE connections wait, and none crosses a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[str, list[Connection]] = {}
        os.register_at_fork(after_in_child=self._forget)

    def take(self, path: str, connect: Callable[[], Connection]) -> Connection:
        """An idle connection to the file that has this path now, or what `connect` opens."""
        while True:
            with self._lock:
                waiting = self._idle.get(path)
                found = waiting.pop() if waiting else None
            if found is None:
                made = connect()
                made.file_id = _file_id(path)
                return made
            if found.file_id == _file_id(path):
                return found
            found.close()  # the file was replaced

    def give_back(self, path: str, connection: Connection) -> None:
        """Keep it for the next one; one that is in a transaction, or one too many, is closed. So
        are those that nobody has wanted for long: the last that came back is the first to go."""
        if connection.in_transaction:
            connection.close()
            return
        connection.end_reading()
        connection.idle_since = time.monotonic()
        surplus = []
        with self._lock:
            waiting = self._idle.setdefault(path, [])  # the longest idle first
            waiting.append(connection)
            before = connection.idle_since - LONGEST_IDLE
            while len(waiting) > IDLE or waiting[0].idle_since < before:
                surplus.append(waiting.pop(0))
        for one in surplus:
            one.close()

    def _forget(self) -> None:
        """In a child of a fork: they are the parent's, and SQLite forbids even to close them."""
        self._lock = threading.Lock()
        self._theirs, self._idle = self._idle, {}


def _file_id(path: str) -> FileId | None:
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
