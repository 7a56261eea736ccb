"""Copies one device from a whatsmeow database into an empty one, name by name.

whatsmeow's upgrades since version 5 only add tables and columns with defaults, so this equals
letting it upgrade the file. What other devices of the file know is left behind.

Names within SQL (each `noqa: S608`) are constants, or those of our own fresh store.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

from .errors import StoreUnusable

_OWNER_COLUMNS = ("our_jid", "jid")
_DEVICES = "whatsmeow_device"
_LID_MAP = "whatsmeow_lid_map"  # belongs to no device: only the people it talks to are taken along
_VERSION = "whatsmeow_version"
_ADDRESSES = (
    (_DEVICES, "jid"),
    (_DEVICES, "lid"),
    ("whatsmeow_sessions", "their_id"),
    ("whatsmeow_identity_keys", "their_id"),
    ("whatsmeow_sender_keys", "sender_id"),
    ("whatsmeow_contacts", "their_jid"),
)


def copy_device(source: Path, target: Path, jid: str) -> int:
    """Copy what belongs to the device. Returns the number of rows."""
    rows = 0
    with contextlib.closing(sqlite3.connect(target)) as db:
        try:
            db.execute("PRAGMA trusted_schema=OFF")
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("ATTACH ? AS source", (str(source),))
            _refuse_newer(db)
            with db:
                for table in _tables(db, "main"):
                    if table in _tables(db, "source"):
                        rows += _copy_table(db, table, jid)
        except sqlite3.IntegrityError as exc:
            raise StoreUnusable(f"a row of the device is not valid ({exc})") from None
        except sqlite3.DatabaseError as exc:
            raise StoreUnusable(f"its tables are not those of whatsmeow ({exc})") from None
    return rows


def _refuse_newer(db: sqlite3.Connection) -> None:
    ours = db.execute(f"SELECT version FROM main.{_VERSION}").fetchone()[0]  # noqa: S608
    columns = _columns(db, "source", _VERSION)
    wanted = "compat" if "compat" in columns else "version"
    theirs = db.execute(f"SELECT {wanted} FROM source.{_VERSION}").fetchone()[0]  # noqa: S608
    if theirs is not None and theirs > ours:
        raise StoreUnusable(f"its tables need version {theirs}; our engine has {ours}: update it")


def _copy_table(db: sqlite3.Connection, table: str, jid: str) -> int:
    """The names of tables and columns are those of our own fresh store."""
    theirs = _columns(db, "source", table)
    columns = ", ".join(f'"{c}"' for c in _columns(db, "main", table) if c in theirs)
    copy = f'INSERT INTO main."{table}" ({columns}) SELECT {columns} FROM source."{table}"'  # noqa: S608
    if table == _LID_MAP:
        known = _people(db)
        copied = list(db.execute(f"SELECT lid, pn FROM source.{_LID_MAP}"))  # noqa: S608
        rows = [row for row in copied if known & {str(row[0]), str(row[1])}]
        db.executemany(f"INSERT INTO main.{_LID_MAP} (lid, pn) VALUES (?, ?)", rows)  # noqa: S608
        return len(rows)
    owner = next((c for c in _OWNER_COLUMNS if c in theirs), None)
    if owner is None:
        return 0
    return db.execute(f'{copy} WHERE "{owner}" = ?', (jid,)).rowcount


def _people(db: sqlite3.Connection) -> set[str]:
    """The user part of everybody that the device knows, and of itself. To be called last.

    Addresses look like 15550001:1@s.whatsapp.net, 15550001.0 and 9100_1:2.
    """
    present = _tables(db, "main")
    found: set[str] = set()
    for table, column in _ADDRESSES:
        if table in present:
            for (address,) in db.execute(f"SELECT {column} FROM main.{table}"):  # noqa: S608
                if user := re.match(r"\d+", str(address)):
                    found.add(user[0])
    return found


def _tables(db: sqlite3.Connection, schema: str) -> list[str]:
    """whatsmeow's tables; that of the devices first, as the others refer to it."""
    found = {
        str(name)
        for (name,) in db.execute(f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table'")  # noqa: S608
        if str(name).startswith("whatsmeow_") and name != _VERSION
    }
    last = {_LID_MAP: 3, "whatsmeow_app_state_mutation_macs": 2, _DEVICES: 0}
    return sorted(found, key=lambda name: (last.get(name, 1), name))


def _columns(db: sqlite3.Connection, schema: str, table: str) -> list[str]:
    return [str(row[1]) for row in db.execute(f'PRAGMA {schema}.table_info("{table}")')]
