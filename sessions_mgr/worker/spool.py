"""Facts that WhatsApp was told we have and the stream does not have yet.

A SQLite file in the session's folder. `append` returns when the fact would survive a power cut
(WAL, synchronous FULL); deleting is lazier, because a fact that comes back is recognised by its id.
Two connections, so that the engine's thread never waits for the forwarder's.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ulid import ULID

logger = logging.getLogger(__name__)

REMEMBERED = 5000  # names of facts; WhatsApp repeats what it got no receipt for, not older things

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, body BLOB);
CREATE TABLE IF NOT EXISTS refused (seq INTEGER PRIMARY KEY, id TEXT, body BLOB, why TEXT);
CREATE TABLE IF NOT EXISTS seen (seq INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
"""


@dataclass(frozen=True, slots=True)
class Spooled:
    seq: int
    id: str
    body: bytes


class Spool:
    def __init__(self, path: Path) -> None:
        """Open or create the spool. A damaged one is set aside, loudly, and a new one begun."""
        try:
            self._in = _connect(path, "FULL")
        except sqlite3.DatabaseError as exc:
            if isinstance(exc, sqlite3.OperationalError):
                raise  # a full disk or wrong rights: moving the file away would not help
            aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
            logger.critical("spool damaged (%s), set aside as %s", exc, aside.name)
            path.rename(aside)
            for end in ("-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
            self._in = _connect(path, "FULL")
        self._out = _connect(path, "NORMAL")
        self._in_lock = threading.Lock()
        self._out_lock = threading.Lock()

    def append(self, body: dict[str, Any], *, once: str = "") -> str:
        """Store a fact durably; returns the id that it was given (a ULID, also set in `body`).

        "" when a fact of the name `once` was stored lately: WhatsApp said it a second time.
        """
        body["id"] = fact_id = str(ULID())
        encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        with self._in_lock, self._in:
            if once and not self._first(once):
                return ""
            self._in.execute("INSERT INTO facts (id, body) VALUES (?, ?)", (fact_id, encoded))
        return fact_id

    def _first(self, name: str) -> bool:
        added = self._in.execute("INSERT OR IGNORE INTO seen (name) VALUES (?)", (name,))
        if added.rowcount == 0:
            return False
        oldest = (added.lastrowid or 0) - REMEMBERED
        self._in.execute("DELETE FROM seen WHERE seq <= ?", (oldest,))
        return True

    def has_seen(self, wa_id: str) -> bool:
        """Whether a fact whose name begins with this word was stored lately."""
        with self._in_lock:
            query = "SELECT 1 FROM seen WHERE name >= ? AND name < ? LIMIT 1"
            found = self._in.execute(query, (f"{wa_id} ", f"{wa_id}!"))
            return found.fetchone() is not None

    def oldest(self, limit: int, after: int = 0) -> list[Spooled]:
        """The first facts in the order in which they were appended."""
        query = "SELECT seq, id, body FROM facts WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._out_lock:
            return [Spooled(*row) for row in self._out.execute(query, (after, limit))]

    def delete(self, seqs: Sequence[int]) -> None:
        with self._out_lock, self._out:
            self._out.executemany("DELETE FROM facts WHERE seq = ?", [(seq,) for seq in seqs])

    def refuse(self, fact: Spooled, why: str) -> None:
        """Keep a fact that the stream will never take out of the way of the others."""
        logger.critical("fact %s cannot be forwarded, kept in the spool: %s", fact.id, why)
        row = (fact.seq, fact.id, fact.body, why)
        with self._out_lock, self._out:
            self._out.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?)", row)
            self._out.execute("DELETE FROM facts WHERE seq = ?", (fact.seq,))

    def __len__(self) -> int:
        with self._out_lock:
            (count,) = self._out.execute("SELECT COUNT(*) FROM facts").fetchone()
        return int(count)

    def close(self) -> None:
        with self._in_lock, self._out_lock:
            self._in.close()
            self._out.close()


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=10.0, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.execute("PRAGMA cache_size=-256")  # a spool is short: 256 KiB are plenty
        db.executescript(_SCHEMA)
        db.execute("SELECT COUNT(*) FROM facts").fetchone()
    except BaseException:
        db.close()
        raise
    return db
