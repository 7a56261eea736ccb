"""Facts about, and copies of, the engine's databases. Knows SQLite and whatsmeow's tables only.

Rule: a live database is opened read-only through SQLite and never with open(): closing a plain
descriptor would drop the locks that SQLite holds for this process. Copies are made in a private
folder beside the sessions, so that a finished one can be renamed into its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import stores
from .errors import StoreUnusable

STAGING = ".staging"
_SIDE_FILES = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a sound store says about itself."""

    device_jids: tuple[str, ...]
    schema_version: int
    compatible_from: int  # the oldest program's schema that may still use it


@contextlib.contextmanager
def staging(root: Path) -> Iterator[Path]:
    """A private folder on the sessions' file system, removed at the end whatever happens."""
    parent = root / STAGING
    if parent.is_symlink():
        raise stores.UnsafePath(f"{parent} is a symbolic link")
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    parent.chmod(0o700)
    folder = parent / uuid.uuid4().hex
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def forget_staging(root: Path, *, older_than: float) -> None:
    """Remove what a killed process left in `staging`. `older_than` in seconds."""
    with contextlib.suppress(FileNotFoundError):
        for folder in (root / STAGING).iterdir():
            with contextlib.suppress(FileNotFoundError):
                if folder.stat().st_mtime < time.time() - older_than:
                    shutil.rmtree(folder, ignore_errors=True)


def copy(source: Path, target: Path) -> None:
    """A consistent copy of a database that may be in use, as one file of its own.

    SQLite's backup interface, in one step: it reads one state and does not hold up the writer,
    which is in WAL mode. StoreUnusable when the source is no sound database.
    """
    target.touch(mode=0o600)
    try:
        with (
            contextlib.closing(stores.read_only(source)) as reader,
            contextlib.closing(sqlite3.connect(target)) as writer,
        ):
            reader.backup(writer)
            writer.execute("PRAGMA journal_mode=DELETE")  # no -wal beside the copy
    except sqlite3.DatabaseError as exc:
        raise StoreUnusable(f"{source.name} cannot be read ({exc})") from None


def inspect(database: Path) -> Contents:
    """Check the database through and say what it holds. StoreUnusable with the reason."""
    if not database.is_file():
        raise StoreUnusable(f"there is no {database.name}")
    try:
        with contextlib.closing(stores.read_only(database)) as db:
            db.execute("PRAGMA trusted_schema=OFF")
            db.execute("PRAGMA cell_size_check=ON")
            (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                raise StoreUnusable(f"{database.name} is damaged ({answer})")
            tables = {
                name
                for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            if not {"whatsmeow_device", "whatsmeow_version"} <= tables:
                raise StoreUnusable(f"{database.name} is not a store of whatsmeow")
            version, compatible_from = _version(db)
            jids = tuple(
                str(jid) for (jid,) in db.execute("SELECT jid FROM whatsmeow_device ORDER BY jid")
            )
    except sqlite3.DatabaseError as exc:
        raise StoreUnusable(f"{database.name} is damaged or no database ({exc})") from None
    return Contents(jids, version, compatible_from)


def _version(db: sqlite3.Connection) -> tuple[int, int]:
    """(version, compatible from). Schemas before 7 did not say the second."""
    columns = [row[1] for row in db.execute("PRAGMA table_info(whatsmeow_version)")]
    row = db.execute("SELECT * FROM whatsmeow_version LIMIT 1").fetchone()
    found = dict(zip(columns, row or (), strict=False))
    version, compatible_from = found.get("version"), found.get("compat")
    if not isinstance(version, int):
        raise StoreUnusable("the store does not say which version its tables have")
    return version, compatible_from if isinstance(compatible_from, int) else version


def digest(file: Path) -> str:
    """SHA-256 of a file of ours that no SQLite connection has open."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def settle(database: Path) -> None:
    """Bring a store that nobody uses into its one file. To be called while holding the folder."""
    with contextlib.closing(sqlite3.connect(database, timeout=5.0)) as db:
        db.execute("PRAGMA journal_mode=DELETE")


def put_in_place(database: Path, store: Path) -> None:
    """Rename a finished database onto `store`, durably. To be called while holding the folder.

    The old store has been settled or set aside: a log left beside it would be replayed into the
    new one.
    """
    database.chmod(0o600)
    _sync(database)
    for end in _SIDE_FILES:
        store.with_name(store.name + end).unlink(missing_ok=True)
    database.replace(store)
    _sync(store.parent)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
