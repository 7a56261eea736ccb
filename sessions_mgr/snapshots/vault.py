"""Snapshots of stores in the storage `snapshots`: take, open, forget, seal with a new key.

A row per snapshot says where it is, so nothing ever lists a bucket. The object is written before
its row and deleted before its row: a row always has something to delete, and a delete that was cut
short is simply done again.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.utils import timezone

from accounts.models import WhatsAppAccount
from accounts.storage_errors import storage_errors

from .. import stores
from ..models import StoreSnapshot
from ..stores import Stores
from . import databases, envelope
from .envelope import Owner
from .errors import NothingToSave, SnapshotUnreadable, StorageFailed
from .keys import keyring

logger = logging.getLogger(__name__)

Reason = StoreSnapshot.Reason


@dataclass(frozen=True, slots=True)
class Rotation:
    """What came of sealing everything with the first key."""

    sealed: int
    current: int  # had that key already
    unreadable: list[str]


def snapshot(
    *,
    account: WhatsAppAccount,
    folders: Stores,
    reason: str = Reason.MANUAL,
) -> StoreSnapshot:
    """Copy, seal and keep the account's credentials. The worker goes on meanwhile.

    NothingToSave without credentials; StoreUnusable when the store is damaged.
    """
    store = folders.folder(account.workspace_id, account.pk) / stores.STORE
    if not store.exists():
        raise NothingToSave(f"{account.pk} has no store on this machine")
    with databases.staging(folders.root) as work:
        databases.copy(store, work / "plain")
        contents = databases.inspect(work / "plain")
        if not contents.device_jids:
            raise NothingToSave(f"{account.pk} has no credentials: it is not linked")
        description = {
            "account_id": str(account.pk),
            "workspace_id": str(account.workspace_id),
            "device_jid": contents.device_jids[0],
            "created_at": timezone.now().isoformat(),
            "schema_version": contents.schema_version,
            "engine": _engine(),
            "sha256": databases.digest(work / "plain"),
        }
        made = _keep(account, description, work, reason)
    forget_surplus(account=account)
    return made


def _keep(
    account: WhatsAppAccount, description: dict[str, Any], work: Path, reason: str
) -> StoreSnapshot:
    path, size, key = _store(account, description, work)
    try:
        return StoreSnapshot.objects.create(
            account=account,
            reason=reason,
            device_jid=description["device_jid"],
            size=size,
            sha256=description["sha256"],
            key_id=key,
            path=path,
        )
    except BaseException:
        vault().delete(path)  # without a row nobody would ever find it
        raise


def _store(
    account: WhatsAppAccount, description: dict[str, Any], work: Path
) -> tuple[str, int, str]:
    """Seal `work/plain` and put it into the storage: (path, bytes, key id)."""
    sealed = work / "sealed"
    with (work / "plain").open("rb") as database, sealed.open("wb") as target:
        key = envelope.seal(
            keyring=keyring(),
            owner=_owner(account),
            description=description,
            database=database,
            target=target,
        )
    stamp = timezone.now().strftime("%Y%m%dT%H%M%SZ")
    name = f"{_prefix(account)}{stamp}-{secrets.token_hex(4)}.sealed"
    with _storage_errors(), sealed.open("rb") as stream:
        path = vault().save(name, File(stream))
    return path, sealed.stat().st_size, key


def fetch(*, snapshot: StoreSnapshot, work: Path) -> tuple[Path, dict[str, Any]]:
    """The checked database of a snapshot in `work`, and its description.

    SnapshotUnreadable, StoreUnusable: nothing of it may be used.
    """
    account = snapshot.account
    named = f"snapshot {snapshot.pk} cannot be opened"
    if not snapshot.path.startswith(_prefix(account)) or ".." in snapshot.path:
        raise SnapshotUnreadable(f"{named}: its path is not of account {account.pk}")
    try:
        with (
            _storage_errors(),
            vault().open(snapshot.path, "rb") as source,
            (work / "plain").open("wb") as target,
        ):
            description = envelope.unseal(
                keyring=keyring(), owner=_owner(account), source=source, target=target
            )
    except SnapshotUnreadable as exc:
        raise SnapshotUnreadable(f"{named}: {exc}") from None
    except (FileNotFoundError, SuspiciousOperation):
        raise SnapshotUnreadable(f"{named}: it is not in the storage any more") from None
    found = databases.digest(work / "plain")
    if not found == description["sha256"] == snapshot.sha256:
        raise SnapshotUnreadable(f"{named}: another one was put in its place")
    if not databases.inspect(work / "plain").device_jids:
        raise SnapshotUnreadable(f"{named}: it holds no credentials")
    return work / "plain", description


def forget(*, snapshot: StoreSnapshot) -> None:
    """Delete a snapshot for good. Twice is once."""
    with _storage_errors():
        vault().delete(snapshot.path)
    StoreSnapshot.objects.filter(pk=snapshot.pk).delete()


def forget_surplus(*, account: WhatsAppAccount) -> int:
    """Keep the newest SNAPSHOT_KEEP of each reason. Returns how many went."""
    gone = 0
    for reason in Reason.values:
        rows = StoreSnapshot.objects.filter(account=account, reason=reason)
        for row in rows.order_by("-at", "-pk")[settings.SNAPSHOT_KEEP :]:
            forget(snapshot=row)
            gone += 1
    return gone


def forget_deleted() -> int:
    """Delete the snapshots of accounts that were deleted. Returns how many went."""
    rows = list(StoreSnapshot.objects.exclude(account__deleted_at=None))
    for row in rows:
        forget(snapshot=row)
    return len(rows)


def rotate_keys(*, folders: Stores) -> Rotation:
    """Seal every snapshot with the first key. What cannot be opened stays as it is, and is named.

    Each is swapped on its own: interrupted, it goes on where it was.
    """
    current = keyring().current_id
    waiting = StoreSnapshot.objects.exclude(key_id=current)
    untouched = StoreSnapshot.objects.filter(key_id=current).count()
    sealed, unreadable = 0, []
    for row in waiting.select_related("account").iterator():
        with databases.staging(folders.root) as work:
            try:
                _database, description = fetch(snapshot=row, work=work)
            except SnapshotUnreadable as exc:
                unreadable.append(str(exc))
                continue
            sealed += _swap(row, description, work)
    return Rotation(sealed, untouched, unreadable)


def _swap(row: StoreSnapshot, description: dict[str, Any], work: Path) -> bool:
    """Replace the object of a row. False when somebody was faster; then ours goes again."""
    path, size, key = _store(row.account, description, work)
    swapped = StoreSnapshot.objects.filter(pk=row.pk, path=row.path).update(
        path=path, size=size, key_id=key
    )
    with _storage_errors():
        vault().delete(row.path if swapped else path)
    return bool(swapped)


def vault() -> Storage:
    return storages["snapshots"]


@contextlib.contextmanager
def _storage_errors() -> Iterator[None]:
    """What the storage raises, as StorageFailed. A file that is not there stays what it is."""
    try:
        with storage_errors():
            yield
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise StorageFailed(f"the storage of snapshots failed: {exc}") from exc


def _owner(account: WhatsAppAccount) -> Owner:
    return Owner(account.workspace_id, account.pk)


def _prefix(account: WhatsAppAccount) -> str:
    return f"{account.workspace_id}/{account.pk}/"


def _engine() -> str:
    try:
        return f"neonize {version('neonize')}"
    except PackageNotFoundError:  # an engine of another kind
        return "unknown"
