"""Whether the database is away for a moment, which passes, or was asked for something wrong."""

from __future__ import annotations

import sqlite3

from django.db import Error, InterfaceError, OperationalError

# PostgreSQL's classes: no connection, undone because of others, out of resources, shut down.
PASSING = ("08", "40", "53", "57")
PASSING_SQLITE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
PRIMARY = 0xFF  # SQLite's extended codes say more in the higher bits


def is_away(exc: Error) -> bool:
    """The same question may be answered if it is asked again."""
    if not isinstance(exc, OperationalError | InterfaceError):
        return False
    cause = exc.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & PRIMARY in PASSING_SQLITE
    state = getattr(cause, "sqlstate", None)  # none: no server was reached
    return state is None or state.startswith(PASSING)
