"""What lies about: how many bytes of what, and removing what nobody needs any more."""

from __future__ import annotations

import calendar
import contextlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from accounts.models import WhatsAppAccount
from accounts.tenant_models import WorkspacePurge

from .. import stores
from ..models import StorePurge, StoreSnapshot
from ..stores import Stores
from . import databases

logger = logging.getLogger(__name__)

DAY = 86_400.0  # seconds
STAGING_KEPT = 6 * 3600.0  # seconds; longer than any copy takes
KINDS = {
    stores.STORE: "stores",
    stores.COPY: "copies",
    stores.SPOOL: "spools",
    stores.LOG: "logs",
}


@dataclass(frozen=True, slots=True)
class Leftover:
    """A folder or file that may go."""

    kind: str  # quarantined, orphaned, copy
    path: Path
    size: int  # bytes
    age_days: float


@dataclass(frozen=True, slots=True)
class Quarantined:
    name: str
    account_id: str
    reason: str
    at: float  # unix seconds
    size: int


def usage(folders: Stores | None = None) -> dict[str, int]:
    """Bytes by kind: stores, copies, spools, logs, other, quarantine, snapshots."""
    folders = folders or Stores(settings.SESSIONS_ROOT)
    found = dict.fromkeys([*KINDS.values(), "other", "quarantine"], 0)
    for folder, _workspace, _account in session_folders(folders):
        for file in _entries(folder):
            base = file.name
            for end in ("-wal", "-shm", "-journal"):
                base = base.removesuffix(end)
            found[KINDS.get(base, "other")] += _bytes(file)
    found["quarantine"] = sum(_bytes(path) for path in folders.quarantined())
    kept = StoreSnapshot.objects.aggregate(total=Sum("size"))["total"]
    return {**found, "snapshots": kept or 0}


def quarantined(folders: Stores) -> list[Quarantined]:
    """What was set aside, oldest first. The name carries time, account and reason."""
    found = []
    for path in folders.quarantined():
        if path.is_symlink() or not path.is_dir():
            continue
        account, reason = path.name[16:52], path.name[53:]
        found.append(Quarantined(path.name, account, reason, _set_aside_at(path), _bytes(path)))
    return found


def purge(
    *, folders: Stores, older_than_days: float | None = None, dry_run: bool = False
) -> list[Leftover]:
    """Remove what is too old: quarantined stores, folders without an account, before-life copies.

    Returns what went, or what would go. A folder that a worker holds is left alone.
    """
    days = settings.STORE_QUARANTINE_DAYS if older_than_days is None else older_than_days
    found = [
        item
        for item in (*_quarantine(folders), *_orphans(folders), *_copies(folders))
        if item.age_days >= days
    ]
    return found if dry_run else [item for item in found if _remove(item)]


def purge_quarantine(*, folders: Stores) -> int:
    """The node's daily part of it. Returns how many went."""
    databases.forget_staging(folders.root, older_than=STAGING_KEPT)
    old = [i for i in _quarantine(folders) if i.age_days >= settings.STORE_QUARANTINE_DAYS]
    return sum(_remove(item) for item in old)


def purge_of_deleted_workspaces(*, folders: Stores) -> int:
    """What was set aside of workspaces that are deleted goes with them. Returns how many went."""
    recently = timezone.now() - timedelta(days=settings.STORE_QUARANTINE_DAYS)
    gone = set(
        WorkspacePurge.objects.filter(requested_at__gt=recently).values_list(
            "workspace_id", flat=True
        )
    )
    if not gone:
        return 0
    return sum(_remove(item) for item in _quarantine(folders) if _workspace_of(item.path) in gone)


def _workspace_of(quarantined: Path) -> UUID | None:
    """As `Stores.quarantine` noted it; None when nothing readable is there."""
    try:
        note = json.loads((quarantined / stores.NOTE).read_text())
        return UUID(note["workspace_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def session_folders(folders: Stores) -> Iterator[tuple[Path, UUID, UUID]]:
    """Every folder that can be a session's, with the workspace and account of its path."""
    for above in _entries(folders.root):
        workspace = _uuid(above)
        if workspace is None:
            continue
        for folder in _entries(above):
            account = _uuid(folder)
            if account is not None:
                yield folder, workspace, account


def _quarantine(folders: Stores) -> Iterator[Leftover]:
    for item in quarantined(folders):
        path = folders.root / stores.QUARANTINE / item.name
        yield Leftover("quarantined", path, item.size, _days_since(item.at))


def _orphans(folders: Stores) -> Iterator[Leftover]:
    """Folders whose account is not there, nor about to be purged by its node."""
    known = set(WhatsAppAccount.objects.present().values_list("workspace_id", "pk"))
    known |= set(StorePurge.objects.values_list("workspace_id", "account_id"))
    known |= set(
        WhatsAppAccount.objects.filter(session__unlink_pending=True).values_list(
            "workspace_id", "pk"
        )
    )
    for folder, workspace, account in session_folders(folders):
        if (workspace, account) not in known:
            yield Leftover("orphaned", folder, _bytes(folder), _days_since(_touched(folder)))


def _copies(folders: Stores) -> Iterator[Leftover]:
    for folder, _workspace, _account in session_folders(folders):
        copy = folder / stores.COPY
        if copy.is_file() and not copy.is_symlink():
            yield Leftover("copy", copy, _bytes(copy), _days_since(_touched(copy)))


def _remove(item: Leftover) -> bool:
    """False when something holds it, or it could not be removed; the log says why."""
    folder = item.path if item.kind != "copy" else item.path.parent
    try:
        with _held(folder) if item.kind != "quarantined" else contextlib.nullcontext():
            if item.path.is_dir():
                shutil.rmtree(item.path)
                if item.kind == "orphaned":
                    with contextlib.suppress(OSError):
                        item.path.parent.rmdir()  # only when it was the workspace's last
            else:
                item.path.unlink(missing_ok=True)
    except stores.StoreLocked:
        return False
    except OSError as exc:
        logger.warning("could not remove %s: %s", item.path, exc)
        return False
    logger.info("removed %s (%s, %d bytes)", item.path, item.kind, item.size)
    return True


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    fd = stores.hold(folder, '{"for": "purge"}')
    try:
        yield
    finally:
        os.close(fd)


def _set_aside_at(path: Path) -> float:
    try:
        return float(calendar.timegm(time.strptime(path.name[:15], "%Y%m%dT%H%M%S")))
    except ValueError:
        return _touched(path)


def _touched(path: Path) -> float:
    """When anything in there was last written, unix seconds."""
    newest = 0.0
    for file in (path, *_entries(path)):
        with contextlib.suppress(OSError):
            newest = max(newest, file.lstat().st_mtime)
    return newest


def _bytes(path: Path) -> int:
    total = 0
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        with contextlib.suppress(OSError):
            if not file.is_dir():
                total += file.lstat().st_size
    return total


def _entries(folder: Path) -> list[Path]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    with contextlib.suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _uuid(path: Path) -> UUID | None:
    try:
        return UUID(path.name) if str(UUID(path.name)) == path.name else None
    except ValueError:
        return None


def _days_since(at: float) -> float:
    return max(0.0, (time.time() - at) / DAY)


def as_row(item: Leftover) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "path": str(item.path),
        "bytes": item.size,
        "age_days": round(item.age_days, 1),
    }
