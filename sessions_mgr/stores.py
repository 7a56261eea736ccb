"""The folders of the sessions: one per account, private, never silently deleted.

    SESSIONS_ROOT/<workspace uuid>/<account uuid>/   mode 0700
        store.db         the engine's credentials and keys (SQLite)
        before-life.db   a copy of store.db as it was when this life began
        spool.db         facts that the stream does not have yet
        settled          until when all is stored and confirmed (neonize_undo)
        worker.lock      held for life by the one worker; worker.log: its stderr
    SESSIONS_ROOT/.quarantine/<time>-<account uuid>-<reason>/

Knows files only: no Django, no engine. The path is built from UUID objects, so nothing that a
person typed can leave the root, and symbolic links inside of it are refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from .lines import about

logger = logging.getLogger(__name__)

STORE = "store.db"
COPY = "before-life.db"
SPOOL = "spool.db"
LOCK = "worker.lock"
LOG = "worker.log"
ALIVE = "alive"  # there while a worker lives; left behind by one that was killed
QUARANTINE = ".quarantine"
NOTE = "meta.json"  # in what is set aside: whose it was, and why
_DATABASE_FILES = ("", "-wal", "-shm", "-journal")
_REASON = re.compile(r"[a-z0-9_]{1,40}")


class UnsafePath(ValueError):
    """A session folder is not what it should be, e.g. a symbolic link."""


class StoreDamaged(Exception):
    """The engine's database cannot be trusted any more."""


class StoreLocked(Exception):
    """Another process holds this store. `holder` is what it wrote about itself."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"the store is held by {holder or 'somebody'}")
        self.holder = holder


@dataclass(frozen=True, slots=True)
class Stores:
    root: Path

    def folder(self, workspace: UUID, account: UUID) -> Path:
        """Where the session lives. Creates nothing."""
        if not (isinstance(workspace, UUID) and isinstance(account, UUID)):
            raise UnsafePath(f"not UUIDs: {workspace!r}, {account!r}")
        folder = self.root / str(workspace) / str(account)
        for path in (self.root, folder.parent, folder):
            if path.is_symlink():
                raise UnsafePath(f"{path} is a symbolic link")
        return folder

    def create(self, workspace: UUID, account: UUID) -> Path:
        """The session's folder, made if need be, for our eyes only."""
        folder = self.folder(workspace, account)
        for path in (self.root, folder.parent, folder):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.stat().st_mode & 0o077:
                path.chmod(0o700)
        return folder

    def exists(self, workspace: UUID, account: UUID) -> bool:
        return self.folder(workspace, account).is_dir()

    def has_credentials(self, workspace: UUID, account: UUID) -> bool:
        return has_credentials(self.folder(workspace, account))

    def quarantine(self, workspace: UUID, account: UUID, reason: str) -> Path | None:
        """Set the credentials aside. None when there were none.

        The spool stays: what it holds still has to reach the stream.
        """
        if not _REASON.fullmatch(reason):
            raise UnsafePath(f"not a reason: {reason!r}")
        folder = self.folder(workspace, account)
        files = [folder / f"{name}{end}" for name in (STORE, COPY) for end in _DATABASE_FILES]
        files = [file for file in files if file.exists()]
        if not files:
            return None
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = self.root / QUARANTINE / f"{stamp}-{account}-{reason}"
        attempt = 1
        while aside.exists():
            attempt += 1
            aside = aside.with_name(f"{stamp}-{account}-{reason}-{attempt}")
        aside.mkdir(mode=0o700, parents=True)
        aside.parent.chmod(0o700)
        for file in files:
            file.rename(aside / file.name)
        note = {"workspace_id": str(workspace), "account_id": str(account), "reason": reason}
        (aside / NOTE).write_text(json.dumps(note))
        logger.warning("store set aside in %s", aside, extra=about(account, workspace=workspace))
        return aside

    def forget_credentials(self, workspace: UUID, account: UUID) -> None:
        """Delete what could log in; the spool and the log stay."""
        folder = self.folder(workspace, account)
        for name in (STORE, COPY):
            for end in _DATABASE_FILES:
                (folder / f"{name}{end}").unlink(missing_ok=True)

    def purge(self, workspace: UUID, account: UUID) -> None:
        """Remove the session's folder for good. Nothing may run on it any more."""
        folder = self.folder(workspace, account)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()  # only when it was the last one of the workspace

    def size(self, workspace: UUID, account: UUID) -> int:
        """Bytes on disk."""
        total = 0
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self.folder(workspace, account)):
                with contextlib.suppress(FileNotFoundError):
                    total += entry.stat(follow_symlinks=False).st_size
        return total

    def quarantined(self) -> Iterator[Path]:
        """What was set aside, oldest first."""
        with contextlib.suppress(FileNotFoundError):
            yield from sorted((self.root / QUARANTINE).iterdir())


# For the process that works in a folder ----------------------------------------------------------


def hold(folder: Path, holder: str) -> int:
    """Take the folder for this process's life; returns the descriptor to keep. Or StoreLocked."""
    fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(fd, 500, 0).decode(errors="replace")
        os.close(fd)
        raise StoreLocked(text) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, holder.encode(), 0)
    return fd


def check(folder: Path) -> None:
    """StoreDamaged when the engine's database is there and not in order."""
    store = folder / STORE
    if not store.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(store, timeout=5.0)) as db:
            (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as exc:
        if "lock" in str(exc) or "busy" in str(exc):
            raise  # somebody reads it: not a damage
        raise StoreDamaged(str(exc)) from exc
    except sqlite3.DatabaseError as exc:
        raise StoreDamaged(str(exc)) from exc
    if answer != "ok":
        raise StoreDamaged(answer)


def has_credentials(folder: Path) -> bool:
    """Whether the engine can log in without a new QR code. False also for a damaged store."""
    store = folder / STORE
    if not store.exists():
        return False
    try:
        with contextlib.closing(read_only(store)) as db:
            return db.execute("SELECT 1 FROM whatsmeow_device LIMIT 1").fetchone() is not None
    except sqlite3.DatabaseError:
        return False


def keep_copy(folder: Path) -> bool:
    """Copy the store before a life that may delete it: whatsmeow does so on a 401 by itself.

    False when there are no credentials; an older copy then stays as it is.
    """
    if not has_credentials(folder):
        return False
    fresh = folder / f"{COPY}.new"
    fresh.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(folder / STORE, timeout=5.0)) as source,
        contextlib.closing(sqlite3.connect(fresh)) as target,
    ):
        source.backup(target)
    fresh.chmod(0o600)
    fresh.replace(folder / COPY)
    return True


def begin_life(folder: Path) -> float | None:
    """Note that a worker lives here. When a killed one was last seen (Unix), if any."""
    mark = folder / ALIVE
    last_seen = mark.stat().st_mtime if mark.exists() else None
    mark.touch(mode=0o600)
    return last_seen


def still_alive(folder: Path) -> None:
    (folder / ALIVE).touch(mode=0o600)


def end_life(folder: Path) -> None:
    """The worker ended in order: everything that it was told is on disk."""
    (folder / ALIVE).unlink(missing_ok=True)


def read_only(database: Path) -> sqlite3.Connection:
    """Reads a store that a worker may be using; never changes it."""
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
