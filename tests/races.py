"""Threads with a database connection each, and who waits for whom on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

THREADS = 8

needs_many_writers = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time"
)


def at_once(work, times=THREADS):
    """Run `work(n)` in threads with a database connection each; their results."""

    def run(n):
        try:
            return work(n)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(times)))


def somebody_waits_for_us() -> bool:
    """Whether another connection waits for a lock that this thread's transaction holds.

    Read from pg_locks, which is always as of now: pg_stat_activity shows one transaction the
    same connections until its end, and so never one that was opened after its first look.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone() is not None
