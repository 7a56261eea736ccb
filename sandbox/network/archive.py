"""What phones know: every message that a phone sent or could read, by its WhatsApp id.

Replies, reactions, votes, edits and history need it. Tables of its own in the store's file.
"""

from dataclasses import dataclass
from typing import Any

from sandbox.network.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS known_message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, digits TEXT NOT NULL, wa_id TEXT NOT NULL,
    chat TEXT NOT NULL, sender TEXT NOT NULL, from_me INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (digits, wa_id)
);
CREATE INDEX IF NOT EXISTS known_by_chat ON known_message (digits, chat, timestamp, seq);
CREATE TABLE IF NOT EXISTS sending (
    digits TEXT NOT NULL, wa_id TEXT NOT NULL, manner TEXT NOT NULL,
    PRIMARY KEY (digits, wa_id)
) WITHOUT ROWID;
"""


SAVE_ONCE = (
    "INSERT OR IGNORE INTO known_message (digits, wa_id, chat, sender, from_me, timestamp, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
SAVE_REPLACING = SAVE_ONCE.replace("IGNORE", "REPLACE")


@dataclass(frozen=True, slots=True)
class Known:
    """One message. `chat` and `sender` are addresses (hidden ids; a group's own), as text."""

    wa_id: str
    chat: str
    sender: str
    from_me: bool
    timestamp: int
    body: bytes
    """The plaintext, without the wrapper of a copy."""


class Archive:
    """The messages of all phones, and the manner in which unusual ones were sent."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.prepare(SCHEMA)

    def save(self, digits: str, known: Known, *, replace: bool = False) -> None:
        """Keep a message; the first of an id stays, unless it shall be replaced."""
        self._store.write(
            SAVE_REPLACING if replace else SAVE_ONCE,
            digits,
            known.wa_id,
            known.chat,
            known.sender,
            int(known.from_me),
            known.timestamp,
            known.body,
        )

    def find(self, digits: str, wa_id: str) -> Known | None:
        """The message that this phone knows under the id."""
        sql = (
            "SELECT wa_id, chat, sender, from_me, timestamp, body FROM known_message"
            " WHERE digits = ? AND wa_id = ?"
        )
        rows = self._store.rows(sql, digits, wa_id)
        return _known(rows[0]) if rows else None

    def older(self, digits: str, chat: str, before: int, limit: int) -> list[Known]:
        """Messages of a chat from before that second, the newest first."""
        sql = (
            "SELECT wa_id, chat, sender, from_me, timestamp, body FROM known_message"
            " WHERE digits = ? AND chat = ? AND timestamp < ?"
            " ORDER BY timestamp DESC, seq DESC LIMIT ?"
        )
        return [_known(row) for row in self._store.rows(sql, digits, chat, before, limit)]

    def save_manner(self, digits: str, wa_id: str, manner: str) -> None:
        """Remember how a message was sent, when not as usual."""
        sql = "INSERT OR REPLACE INTO sending VALUES (?, ?, ?)"
        self._store.write(sql, digits, wa_id, manner)

    def manner(self, digits: str, wa_id: str) -> str:
        """How a message was sent; empty for the usual way."""
        sql = "SELECT manner FROM sending WHERE digits = ? AND wa_id = ?"
        rows = self._store.rows(sql, digits, wa_id)
        return str(rows[0][0]) if rows else ""


def _known(row: tuple[Any, ...]) -> Known:
    wa_id, chat, sender, from_me, timestamp, body = row
    return Known(wa_id, chat, sender, bool(from_me), timestamp, body)
