"""The ledger of sends: each order is carried out at most once, whatever crashes in between.

A row is committed as `begun` before the engine is called and as `done`, with the answer or the
final error, after. A row that is begun by an earlier life is a send that a crash cut short: nobody
knows whether it went out, so it is closed as `unknown_outcome` and never tried again. Errors after
which nothing was sent and that pass by themselves take the row away: the order may come again.

The table lies beside the spool, in spool.db. Rows are kept for 8 days; the core must not ask again
for an order that is older.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

KEEP_SECONDS = 8 * 24 * 3600.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sends (
    request_id TEXT PRIMARY KEY, begun_at REAL NOT NULL, secret BLOB NOT NULL,
    result TEXT, error TEXT, settled_at REAL, told INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ledger (since_epoch INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One order. Neither `result` nor `error`: begun and not settled."""

    request_id: str
    begun_at: float
    secret: bytes
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    settled_at: float | None

    @property
    def settled(self) -> bool:
        return self.result is not None or self.error is not None


class Ledger:
    def __init__(self, path: Path, epoch: int) -> None:
        """Open or begin the ledger. `epoch` is the epoch of this life."""
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, timeout=10.0, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA cache_size=-128")
            self._db.executescript(_SCHEMA)
            with self._db:
                self._db.execute(
                    "INSERT INTO ledger SELECT ? WHERE NOT EXISTS (SELECT 1 FROM ledger)", (epoch,)
                )
            row = self._db.execute("SELECT since_epoch FROM ledger").fetchone()
            self.since_epoch = int(row[0])
        except BaseException:
            self._db.close()
            raise

    def find(self, request_id: str) -> Entry | None:
        with self._lock:
            row = self._db.execute(f"{_SELECT} WHERE request_id = ?", (request_id,)).fetchone()
        return _entry(row) if row else None

    def begin(self, request_id: str, secret: bytes) -> bool:
        """Durable when it returns. False when the order is in the ledger already."""
        with self._lock, self._db:
            made = self._db.execute(
                "INSERT OR IGNORE INTO sends (request_id, begun_at, secret) VALUES (?, ?, ?)",
                (request_id, time.time(), secret),
            )
            return made.rowcount == 1

    def settle(
        self,
        request_id: str,
        *,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Write down how it ended. Durable when it returns."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE sends SET result = ?, error = ?, settled_at = ? WHERE request_id = ?",
                (_json(result), _json(error), time.time(), request_id),
            )
            row = self._db.execute(f"{_SELECT} WHERE request_id = ?", (request_id,)).fetchone()
        return _entry(row)

    def told(self, request_id: str) -> None:
        """The fact of how it ended is in the spool."""
        with self._lock, self._db:
            self._db.execute("UPDATE sends SET told = 1 WHERE request_id = ?", (request_id,))

    def forget(self, request_id: str) -> None:
        """Nothing was sent: the order may come again."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM sends WHERE request_id = ?", (request_id,))

    def cut_short(self) -> list[Entry]:
        """What earlier lives began and did not settle. Ask before this life begins anything."""
        return self._entries("WHERE result IS NULL AND error IS NULL")

    def untold(self) -> list[Entry]:
        """What is settled and has no fact in the spool yet."""
        return self._entries("WHERE told = 0 AND (result IS NOT NULL OR error IS NOT NULL)")

    def prune(self, now: float) -> int:
        """Forget what nobody asks for any more; how many there were."""
        with self._lock, self._db:
            gone = self._db.execute(
                "DELETE FROM sends WHERE begun_at < ? AND told = 1", (now - KEEP_SECONDS,)
            )
            return gone.rowcount

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _entries(self, where: str) -> list[Entry]:
        with self._lock:
            return [_entry(row) for row in self._db.execute(f"{_SELECT} {where} ORDER BY begun_at")]


_SELECT = "SELECT request_id, begun_at, secret, result, error, settled_at FROM sends"

FindIds = Callable[[Sequence[bytes]], Mapping[bytes, str] | None]


def close_cut_short(ledger: Ledger, find_ids: FindIds) -> None:
    """Settle what earlier lives left open, with what the engine's store knows of it.

    `find_ids` gives the message id of each secret that the store knows, or None when it cannot
    tell. An unknown secret in a store that can tell means that the message was never sent.
    """
    open_entries = ledger.cut_short()
    if not open_entries:
        return
    ids = find_ids([entry.secret for entry in open_entries if entry.secret])
    for entry in open_entries:
        if entry.secret and ids is not None and entry.secret not in ids:
            logger.info("send %s did not get as far as WhatsApp", entry.request_id)
            ledger.forget(entry.request_id)
            continue
        error = {
            "code": "unknown_outcome",
            "detail": "The worker was killed while it sent this; WhatsApp may have it or not.",
        }
        if ids and (wa_id := ids.get(entry.secret)):
            error["wa_id"] = wa_id
        logger.warning("send %s was cut short: %s", entry.request_id, error.get("wa_id", "no id"))
        ledger.settle(entry.request_id, error=error)


def _entry(row: tuple[Any, ...]) -> Entry:
    request_id, begun_at, secret, result, error, settled_at = row
    return Entry(request_id, begun_at, secret, _parsed(result), _parsed(error), settled_at)


def _json(document: Mapping[str, Any] | None) -> str | None:
    return None if document is None else json.dumps(document)


def _parsed(text: str | None) -> dict[str, Any] | None:
    return None if text is None else dict(json.loads(text))
