"""What whatsmeow's store was a moment ago, kept by the store itself.

Triggers in `store.db` note the former content of each row that a decryption changes, in the same
transaction. At the start of a life `prepare` takes back what belongs to messages that were not
settled (neonize_rewind says how): WhatsApp delivers those again, and they can be read again.

This process may open the store only before Go does: two SQLite libraries in one process undo each
other's locks. Hence triggers, and hence a file apart for the moment until which all is settled.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import neonize_rewind
from .neonize_rewind import DeviceKeys, NotUnderstood, Past

logger = logging.getLogger(__name__)

# More rows than 102 messages can change: so many may lie between whatsmeow and us (research, 4d).
KEEP_ROWS = 400
KEEP_SECONDS = 10.0
SLACK_SECONDS = 0.05  # SQLite's clock has milliseconds
SETTLED = "settled"  # beside the store: 8 bytes, Unix time
_NOW = "((julianday('now') - 2440587.5) * 86400.0)"

_TABLE = """
CREATE TABLE IF NOT EXISTS switchboard_undo (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL,
    owner TEXT NOT NULL, name TEXT NOT NULL, content BLOB
)"""
_NOTE = "INSERT INTO switchboard_undo (at, kind, owner, name, content) VALUES"
# What happens to a row, and what is noted of it.
_NOTES = {
    "session_changed": (
        "UPDATE ON whatsmeow_sessions WHEN OLD.session IS NOT NEW.session",
        "'session', OLD.our_jid, OLD.their_id, OLD.session",
    ),
    "session_gone": (
        "DELETE ON whatsmeow_sessions",
        "'session', OLD.our_jid, OLD.their_id, OLD.session",
    ),
    "session_born": (
        "INSERT ON whatsmeow_sessions",
        "'session', NEW.our_jid, NEW.their_id, NULL",
    ),
    "sender_key_changed": (
        "UPDATE ON whatsmeow_sender_keys WHEN OLD.sender_key IS NOT NEW.sender_key",
        "'sender_key', OLD.our_jid, OLD.chat_id || char(10) || OLD.sender_id, OLD.sender_key",
    ),
    "sender_key_born": (
        "INSERT ON whatsmeow_sender_keys",
        "'sender_key', NEW.our_jid, NEW.chat_id || char(10) || NEW.sender_id, NULL",
    ),
    "pre_key_used": (
        "DELETE ON whatsmeow_pre_keys",
        "'pre_key', OLD.jid, OLD.key_id, OLD.key",
    ),
}
_TRIGGERS = {
    name: f"AFTER {event} BEGIN {_NOTE} ({_NOW}, {values}); END"
    for name, (event, values) in _NOTES.items()
}
_TRIGGERS["prune"] = (
    "AFTER INSERT ON switchboard_undo BEGIN DELETE FROM switchboard_undo"  # noqa: S608  numbers of our own
    f" WHERE at < NEW.at - {KEEP_SECONDS} AND seq <= NEW.seq - {KEEP_ROWS}"
    " AND seq IN (SELECT seq FROM switchboard_undo ORDER BY seq LIMIT 3); END"
)
_OUR_TRIGGERS = (
    "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'switchboard_*'"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`complete`: whatever a killed life had in hand can be read when it comes again."""

    complete: bool
    watched: bool  # from now on, too
    records: int = 0


def prepare(store: Path) -> Outcome:
    """Take back what was not settled, and watch from now on. Only before Go opens the store."""
    if not store.exists():
        return Outcome(complete=True, watched=False)
    with contextlib.closing(_open(store)) as db:
        if not _has(db, "whatsmeow_sessions"):
            return Outcome(complete=True, watched=False)
        with _transaction(db):
            try:
                with _transaction(db):
                    complete, records = _take_back(db, settled_until(store))
            except (NotUnderstood, KeyError, TypeError, ValueError):
                logger.exception("the store has a form that cannot be wound back")
                complete, records = False, 0
            _renew(db)
    return Outcome(complete, watched=True, records=records)


def watch(store: Path) -> None:
    """Begin to watch a store that is in use, from a process of its own."""
    with contextlib.closing(_open(store)) as db, _transaction(db):
        _renew(db)
        db.execute(f"{_NOTE} ({_NOW}, 'begun', '', '', NULL)")


def _open(store: Path) -> sqlite3.Connection:
    return sqlite3.connect(store, timeout=10.0, isolation_level=None)


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction, or a part of one that can fail by itself."""
    begin, end, back = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
    if db.in_transaction:
        begin, end, back = ("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part")
    db.execute(begin)
    try:
        yield
    except BaseException:
        db.execute(back)
        raise
    db.execute(end)


def _renew(db: sqlite3.Connection) -> None:
    """An empty table and the triggers of this version."""
    for (name,) in db.execute(_OUR_TRIGGERS).fetchall():
        db.execute(f'DROP TRIGGER "{name}"')
    db.execute(_TABLE)
    db.execute("DELETE FROM switchboard_undo")
    for name, rest in _TRIGGERS.items():
        db.execute(f"CREATE TRIGGER switchboard_{name} {rest}")


def _take_back(db: sqlite3.Connection, settled: float) -> tuple[bool, int]:
    """Whether all could be taken back, and how many records changed."""
    if not _has(db, "switchboard_undo"):
        return False, 0
    complete = len(db.execute(_OUR_TRIGGERS).fetchall()) == len(_TRIGGERS)
    complete &= _reaches_back(db, settled)
    rows = db.execute(
        "SELECT kind, owner, name, content FROM switchboard_undo WHERE at >= ? ORDER BY seq",
        (settled - SLACK_SECONDS,),
    ).fetchall()
    records = 0
    for owner in {owner for _, owner, _, _ in rows} - {""}:
        mine = [(kind, name, content) for kind, of, name, content in rows if of == owner]
        changed, stuck = _rewind(db, owner, mine)
        records += changed
        if stuck:
            logger.warning("%d chains of %s could not be wound back", stuck, owner)
            complete = False
    return complete, records


def _reaches_back(db: sqlite3.Connection, settled: float) -> bool:
    """Whether we watched since `settled`, and nothing of that time was pruned."""
    begun = db.execute("SELECT max(at) FROM switchboard_undo WHERE kind = 'begun'").fetchone()[0]
    if begun is not None and begun > settled:
        return False
    first, kept = db.execute("SELECT min(at), count(*) FROM switchboard_undo").fetchone()
    return kept < KEEP_ROWS or bool(first <= settled)


def _rewind(
    db: sqlite3.Connection, owner: str, rows: list[tuple[str, str, bytes | None]]
) -> tuple[int, int]:
    """Wind one device's records back. How many changed, and how many chains could not."""
    keys = tuple(bytes(c) for kind, _, c in rows if kind == "pre_key" and c is not None)
    device = db.execute(
        "SELECT identity_key, signed_pre_key FROM whatsmeow_device WHERE jid = ?", (owner,)
    ).fetchone()
    if device is None:
        return 0, 0  # the link is gone, and its keys with it
    sessions = {
        name: bytes(content)
        for name, content in db.execute(
            "SELECT their_id, session FROM whatsmeow_sessions WHERE our_jid = ?", (owner,)
        )
    }
    changed, stuck = neonize_rewind.rewind_sessions(
        _past("session", rows),
        sessions,
        DeviceKeys(identity=device[0], signed_pre_key=device[1], one_time=keys),
    )
    for name, content in changed.items():
        db.execute(
            "UPDATE whatsmeow_sessions SET session = ? WHERE our_jid = ? AND their_id = ?",
            (content, owner, name),
        )
    sender_keys = {
        f"{chat}\n{sender}": bytes(content)
        for chat, sender, content in db.execute(
            "SELECT chat_id, sender_id, sender_key FROM whatsmeow_sender_keys WHERE our_jid = ?",
            (owner,),
        )
    }
    groups = neonize_rewind.rewind_sender_keys(_past("sender_key", rows), sender_keys)
    for name, content in groups.items():
        chat, _, sender = name.partition("\n")
        db.execute(
            "UPDATE whatsmeow_sender_keys SET sender_key = ?"
            " WHERE our_jid = ? AND chat_id = ? AND sender_id = ?",
            (content, owner, chat, sender),
        )
    return len(changed) + len(groups), stuck


def _past(kind: str, rows: list[tuple[str, str, bytes | None]]) -> Past:
    return Past([(name, c and bytes(c)) for of, name, c in rows if of == kind])


def _has(db: sqlite3.Connection, table: str) -> bool:
    found = db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    return found.fetchone() is not None


# The moment until which everything is settled -----------------------------------------------------


class Settled:
    """Writes that moment down. Cheap enough for every message: a kill leaves the page cache."""

    def __init__(self, store: Path) -> None:
        self._fd = os.open(store.with_name(SETTLED), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __call__(self, until: float) -> None:
        os.pwrite(self._fd, struct.pack("<d", until), 0)


def settled_until(store: Path) -> float:
    """Unix time; 0 when nobody wrote it down."""
    with contextlib.suppress(FileNotFoundError, struct.error):
        return float(struct.unpack("<d", store.with_name(SETTLED).read_bytes())[0])
    return 0.0


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
