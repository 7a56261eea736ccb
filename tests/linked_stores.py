"""Stores as whatsmeow leaves them after a pairing, without a pairing."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from sessions_mgr import stores
from sessions_mgr.stores import Stores

ROOT = Path(__file__).parents[1]


@functools.cache
def _empty() -> bytes:
    """An empty store of the engine in use, made once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty"
        subprocess.run(
            [sys.executable, "-m", "sessions_mgr.engines.neonize_store", str(file)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        return file.read_bytes()


def write(file: Path, *jids: str, wal: bool = False) -> Path:
    """A store with these devices; each knows one person and has one pre-key."""
    file.write_bytes(_empty())
    with contextlib.closing(sqlite3.connect(file)) as db:
        if wal:
            db.execute("PRAGMA journal_mode=WAL")
        for number, jid in enumerate(jids, start=1):
            add_device(db, jid, number)
        db.commit()
    return file


def add_device(db: sqlite3.Connection, jid: str, number: int = 1) -> None:
    user = jid.partition(":")[0]
    db.execute(
        "INSERT INTO whatsmeow_device (jid, lid, registration_id, noise_key, identity_key,"
        " signed_pre_key, signed_pre_key_id, signed_pre_key_sig, adv_key, adv_details,"
        " adv_account_sig, adv_account_sig_key, adv_device_sig)"
        " VALUES (?, ?, 1, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)",
        (
            jid,
            f"9{user}:1@lid",
            *(os.urandom(n) for n in (32, 32, 32, 64, 32, 10, 64, 32, 64)),
        ),
    )
    db.execute(
        "INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", (jid, f"4{number}0001.0", b"session")
    )
    db.execute("INSERT INTO whatsmeow_pre_keys VALUES (?, 1, ?, 1)", (jid, os.urandom(32)))
    db.execute("INSERT INTO whatsmeow_lid_map VALUES (?, ?)", (f"84{number}0001", f"4{number}0001"))


def link(account, folders: Stores, jid: str = "15550001:1@s.whatsapp.net") -> Path:
    """Give the account a store with credentials. Returns the store."""
    folder = folders.create(account.workspace_id, account.pk)
    return write(folder / stores.STORE, jid, wal=True)


def rows(file: Path, query: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(file)) as db:
        return db.execute(query).fetchall()


def copy_of(file: Path, to: Path) -> Path:
    return Path(shutil.copyfile(file, to))
