"""Everything that survives a restart, in one SQLite file.

Phones and devices are small documents written when they change; prekeys, sessions, queued stanzas,
inboxes and receipts are rows, so that no message rewrites more than a few rows. The caller commits
with `commit`; the network does that once per turn of the event loop, before clients hear of it.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.network.model import Device, Phone
from sandbox.signal.session import Session
from sandbox.wire.key_nodes import PublicPrekey

SCHEMA_VERSION = 2
MAX_ID = 2**63 - 1
SCHEMA = """
CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE phone (digits TEXT PRIMARY KEY, document TEXT NOT NULL, picture BLOB) WITHOUT ROWID;
CREATE TABLE device (
    digits TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (digits, number)
) WITHOUT ROWID;
CREATE TABLE prekey (
    digits TEXT NOT NULL, number INTEGER NOT NULL, id INTEGER NOT NULL, public BLOB NOT NULL,
    PRIMARY KEY (digits, number, id)
) WITHOUT ROWID;
CREATE TABLE session (
    digits TEXT NOT NULL, remote TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (digits, remote)
) WITHOUT ROWID;
CREATE TABLE pending (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, digits TEXT NOT NULL, number INTEGER NOT NULL,
    tag TEXT NOT NULL, key TEXT NOT NULL, copies INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX pending_by_device ON pending (digits, number, key);
CREATE TABLE sent (
    digits TEXT NOT NULL, wa_id TEXT NOT NULL, recipient TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (digits, wa_id)
) WITHOUT ROWID;
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digits TEXT NOT NULL, wa_id TEXT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX inbox_by_phone ON inbox (digits, id);
CREATE TABLE receipt (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digits TEXT NOT NULL, document TEXT NOT NULL
);
CREATE INDEX receipt_by_phone ON receipt (digits, id);
CREATE TABLE document (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
"""
UPGRADES = {
    1: """
CREATE TABLE document (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
"""
}
"""What makes the next version of each old one."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A stanza that a device has not acknowledged."""

    tag: str
    body: bytes


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What a virtual phone sent, kept for receivers that ask again."""

    recipient: str
    body: bytes


class Store:
    """The file. Raises sqlite3.Error and, for a file of another version, ValueError."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        while version in UPGRADES:
            upgrade, version = UPGRADES[version], version + 1
            self._db.executescript(f"BEGIN;{upgrade}PRAGMA user_version = {version};COMMIT;")
        if version == 0:
            self._db.executescript(f"BEGIN;{SCHEMA}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")
        elif version != SCHEMA_VERSION:
            self._db.close()
            raise ValueError(f"{path} is of version {version}, not {SCHEMA_VERSION}")

    def commit(self) -> None:
        """Make everything written so far durable against the end of this process."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Commit and close the file."""
        self.commit()
        self._db.close()

    # --- for modules with tables of their own

    def prepare(self, schema: str) -> None:
        """Make tables that are not there yet; the statements say IF NOT EXISTS."""
        self.commit()
        self._db.executescript(f"BEGIN;{schema}COMMIT;")

    def write(self, sql: str, *values: object) -> int:
        """Change rows; how many."""
        return self._write(sql, *values).rowcount

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read rows."""
        return self._db.execute(sql, values).fetchall()

    def _write(self, sql: str, *values: object) -> sqlite3.Cursor:
        self._begin()
        return self._db.execute(sql, values)

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN")

    def _document(self, sql: str, *values: object) -> Any:
        row = self._db.execute(sql, values).fetchone()
        return json.loads(row[0]) if row else None

    # --- secrets

    def secret(self, name: str) -> bytes | None:
        """A stored key or certificate."""
        row = self._db.execute("SELECT value FROM secret WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def save_secret(self, name: str, value: bytes) -> None:
        """Store a key or certificate."""
        self._write("INSERT OR REPLACE INTO secret VALUES (?, ?)", name, value)

    # --- phones and devices

    def phones(self) -> list[Phone]:
        """All phones with their devices."""
        phones = {
            digits: Phone.from_document(digits, json.loads(document))
            for digits, document in self._db.execute("SELECT digits, document FROM phone")
        }
        for digits, number, document in self._db.execute("SELECT * FROM device"):
            phone = phones[digits]
            phone.devices[number] = Device.from_document(phone, number, json.loads(document))
        return list(phones.values())

    def save_phone(self, phone: Phone) -> None:
        """Write a phone, not its devices or picture."""
        self._write(
            "INSERT INTO phone (digits, document) VALUES (?, ?)"
            " ON CONFLICT (digits) DO UPDATE SET document = excluded.document",
            phone.digits,
            json.dumps(phone.to_document()),
        )

    def picture(self, digits: str) -> bytes:
        """The phone's picture, empty when it has none."""
        row = self._db.execute("SELECT picture FROM phone WHERE digits = ?", (digits,)).fetchone()
        return (row and row[0]) or b""

    def save_picture(self, digits: str, picture: bytes) -> None:
        """Replace the phone's picture."""
        self._write("UPDATE phone SET picture = ? WHERE digits = ?", picture, digits)

    def save_device(self, device: Device) -> None:
        """Write a linked device."""
        document = json.dumps(device.to_document())
        digits = device.phone.digits
        self._write(
            "INSERT OR REPLACE INTO device VALUES (?, ?, ?)", digits, device.number, document
        )

    def delete_device(self, digits: str, number: int) -> None:
        """Forget a device, its prekeys and what was queued for it."""
        self._write("DELETE FROM device WHERE digits = ? AND number = ?", digits, number)
        self._write("DELETE FROM prekey WHERE digits = ? AND number = ?", digits, number)
        self._write("DELETE FROM pending WHERE digits = ? AND number = ?", digits, number)

    # --- small documents that are read and written whole (groups, sender keys, app state ...)

    def save_document(self, kind: str, key: str, document: Any) -> None:
        """Write a JSON-compatible document."""
        body = json.dumps(document)
        self._write("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", kind, key, body)

    def document(self, kind: str, key: str) -> Any:
        """The document, None when there is none."""
        return self._document("SELECT body FROM document WHERE kind = ? AND key = ?", kind, key)

    def documents(self, kind: str, prefix: str = "") -> dict[str, Any]:
        """All documents of a kind whose key starts with `prefix`, by key in order."""
        sql = "SELECT key, body FROM document WHERE kind = ? AND substr(key, 1, ?) = ? ORDER BY key"
        rows = self._db.execute(sql, (kind, len(prefix), prefix))
        return {key: json.loads(body) for key, body in rows}

    def delete_documents(self, kind: str, prefix: str) -> None:
        """Forget all documents of a kind whose key starts with `prefix`."""
        sql = "DELETE FROM document WHERE kind = ? AND substr(key, 1, ?) = ?"
        self._write(sql, kind, len(prefix), prefix)

    # --- prekeys

    def add_prekeys(self, digits: str, number: int, prekeys: Iterable[PublicPrekey]) -> None:
        """Add one-time prekeys of a device."""
        self._begin()
        rows = [(digits, number, prekey.id, prekey.public) for prekey in prekeys]
        self._db.executemany("INSERT OR REPLACE INTO prekey VALUES (?, ?, ?, ?)", rows)

    def take_prekey(self, digits: str, number: int) -> PublicPrekey | None:
        """Hand out one one-time prekey, never to be handed out again; None when none is left."""
        rows = self._write(
            "DELETE FROM prekey WHERE (digits, number, id) = (SELECT digits, number, id"
            " FROM prekey WHERE digits = ? AND number = ? ORDER BY id LIMIT 1)"
            " RETURNING id, public",
            digits,
            number,
        ).fetchall()
        return PublicPrekey(*rows[0]) if rows else None

    def count_prekeys(self, digits: str, number: int) -> int:
        """How many one-time prekeys a device has left."""
        sql = "SELECT count(*) FROM prekey WHERE digits = ? AND number = ?"
        return int(self._db.execute(sql, (digits, number)).fetchone()[0])

    # --- Signal sessions of the phones

    def session(self, digits: str, remote: str) -> Session | None:
        """The session of a phone with the device at the address `remote`."""
        sql = "SELECT document FROM session WHERE digits = ? AND remote = ?"
        document = self._document(sql, digits, remote)
        return None if document is None else Session.from_document(document)

    def save_session(self, digits: str, remote: str, session: Session) -> None:
        """Write a session."""
        document = json.dumps(session.to_document())
        self._write("INSERT OR REPLACE INTO session VALUES (?, ?, ?)", digits, remote, document)

    def delete_sessions_of(self, digits: str) -> None:
        """Forget all sessions of a phone that starts anew."""
        self._write("DELETE FROM session WHERE digits = ?", digits)

    def delete_sessions_with(self, remote: str) -> None:
        """Forget every phone's session with a device that is gone."""
        self._write("DELETE FROM session WHERE remote = ?", remote)

    # --- stanzas that wait for an acknowledgement

    def add_pending(self, digits: str, number: int, *, tag: str, key: str, body: bytes) -> None:
        """Keep a stanza; one with the same key is replaced and counts as one more copy sent."""
        updated = self._write(
            "UPDATE pending SET copies = copies + 1, body = ?"
            " WHERE digits = ? AND number = ? AND key = ?",
            body,
            digits,
            number,
            key,
        )
        if updated.rowcount == 0:
            self._write(
                "INSERT INTO pending (digits, number, tag, key, copies, body)"
                " VALUES (?, ?, ?, ?, 1, ?)",
                digits,
                number,
                tag,
                key,
                body,
            )

    def settle(self, digits: str, number: int, key: str) -> None:
        """The device has the stanza for good."""
        sql = "DELETE FROM pending WHERE digits = ? AND number = ? AND key = ?"
        self._write(sql, digits, number, key)

    def settle_copy(self, digits: str, number: int, key: str) -> None:
        """The device is done with one copy; a later copy of the same stanza stays."""
        self._write(
            "UPDATE pending SET copies = copies - 1 WHERE digits = ? AND number = ? AND key = ?",
            digits,
            number,
            key,
        )
        self._write(
            "DELETE FROM pending WHERE digits = ? AND number = ? AND key = ? AND copies <= 0",
            digits,
            number,
            key,
        )

    def pending(self, digits: str, number: int) -> list[Pending]:
        """What a device has not acknowledged, oldest first; each counts as sent once more."""
        sql = "UPDATE pending SET copies = 1 WHERE digits = ? AND number = ?"
        self._write(sql, digits, number)
        sql = "SELECT tag, body FROM pending WHERE digits = ? AND number = ? ORDER BY seq"
        return [Pending(*row) for row in self._db.execute(sql, (digits, number))]

    def count_pending(self, digits: str, number: int) -> int:
        """How many stanzas a device has not acknowledged."""
        sql = "SELECT count(*) FROM pending WHERE digits = ? AND number = ?"
        return int(self._db.execute(sql, (digits, number)).fetchone()[0])

    # --- what phones sent, got and were told

    def save_sent(self, digits: str, wa_id: str, message: SentMessage) -> None:
        """Keep the plaintext of a message that a phone sends."""
        self._write(
            "INSERT INTO sent VALUES (?, ?, ?, ?)", digits, wa_id, message.recipient, message.body
        )

    def sent(self, digits: str, wa_id: str) -> SentMessage | None:
        """The message that the phone sent under this id."""
        sql = "SELECT recipient, body FROM sent WHERE digits = ? AND wa_id = ?"
        row = self._db.execute(sql, (digits, wa_id)).fetchone()
        return SentMessage(*row) if row else None

    def add_inbox(self, digits: str, wa_id: str, document: dict[str, Any]) -> None:
        """Append a message to a phone's inbox."""
        self._write(
            "INSERT INTO inbox (digits, wa_id, document) VALUES (?, ?, ?)",
            digits,
            wa_id,
            json.dumps(document),
        )

    def inbox(
        self,
        digits: str,
        *,
        after: int,
        limit: int,
        before: int | None = None,
        newest_first: bool = False,
    ) -> list[dict[str, Any]]:
        """A phone's messages with an id above `after` and below `before`, oldest first unless
        the newest are asked for."""
        direction = -1 if newest_first else 1
        sql = (
            "SELECT id, document FROM inbox WHERE digits = ? AND id > ? AND id < ?"
            " ORDER BY id * ? LIMIT ?"
        )
        end = MAX_ID if before is None else before
        return self._numbered(sql, digits, after, end, direction, limit)

    def inbox_entry(self, digits: str, entry: int) -> dict[str, Any] | None:
        """The message with this inbox id."""
        sql = "SELECT id, document FROM inbox WHERE digits = ? AND id = ?"
        found = self._numbered(sql, digits, entry)
        return found[0] if found else None

    def inbox_message(self, digits: str, wa_id: str) -> dict[str, Any] | None:
        """The message with this WhatsApp id."""
        sql = "SELECT document FROM inbox WHERE digits = ? AND wa_id = ?"
        document: dict[str, Any] | None = self._document(sql, digits, wa_id)
        return document

    def add_receipt(self, digits: str, document: dict[str, Any]) -> None:
        """Append a receipt that a phone got."""
        sql = "INSERT INTO receipt (digits, document) VALUES (?, ?)"
        self._write(sql, digits, json.dumps(document))

    def receipts(self, digits: str, *, after: int, limit: int) -> list[dict[str, Any]]:
        """A phone's receipts with an id above `after`, oldest first."""
        sql = "SELECT id, document FROM receipt WHERE digits = ? AND id > ? ORDER BY id LIMIT ?"
        return self._numbered(sql, digits, after, limit)

    def _numbered(self, sql: str, *values: object) -> list[dict[str, Any]]:
        rows = self._db.execute(sql, values)
        return [{"id": number, **json.loads(document)} for number, document in rows]
