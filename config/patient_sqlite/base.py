"""SQLite whose waiting writers look again every other millisecond, and whose connections are lent.

SQLite's own busy handler sleeps longer and longer, up to 100 ms between two looks, and so past many
a moment in which the file was free: at 20 sends a second BEGIN took 138 ms at p99. Several of our
processes write, each for some milliseconds, and a request should wait no longer than they do.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db.backends.sqlite3 import base

from .pool import Connection, Pool

LOOK_AGAIN = 0.002  # seconds

idle = Pool()

T = TypeVar("T")


class DatabaseWrapper(base.DatabaseWrapper):
    """OPTIONS["timeout"], in seconds, is how long a writer waits before it gives up."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if self.is_in_memory_db():
            return self._open(conn_params)
        return idle.take(self._path, lambda: self._open(conn_params))

    def _open(self, conn_params: dict[str, Any]) -> Connection:
        opened: Connection = super().get_new_connection({**conn_params, "factory": Connection})
        opened.execute("PRAGMA busy_timeout = 0")  # from here on it is we who wait
        return opened

    def _close(self) -> None:
        # In a block it must stay closed; one that had trouble may be broken.
        if self.connection is None or self.in_atomic_block or self.errors_occurred:
            super()._close()  # type: ignore[misc]
            return
        with self.wrap_database_errors:
            idle.give_back(self._path, self.connection)

    @property
    def _path(self) -> str:
        return str(self.settings_dict["NAME"])

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = self.connection.cursor(factory=PatientCursor)
        cursor.patience = float(self.settings_dict["OPTIONS"].get("timeout", 5))
        return cursor


class PatientCursor(base.SQLiteCursorWrapper):
    patience = 0.0  # seconds

    def execute(self, query: str, params: Any = None) -> Any:
        run = super().execute
        return self._patiently(lambda: run(query, params))

    def executemany(self, query: str, param_list: Iterable[Any]) -> Any:
        run, rows = super().executemany, list(param_list)
        return self._patiently(lambda: run(query, rows))

    def _patiently(self, run: Callable[[], T]) -> T:
        """Retried outside a transaction only: there a statement that was refused did nothing."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return run()
            except sqlite3.OperationalError as exc:
                busy = exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or self.connection.in_transaction or time.monotonic() > deadline:
                    raise
            time.sleep(LOOK_AGAIN)
