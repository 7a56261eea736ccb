"""What there is and whether it is in order: the rows of `stores list` and `stores verify`."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import WhatsAppAccount, Workspace
from events.models import rfc3339

from .. import stores
from ..models import StoreSnapshot
from ..states import Status
from ..stores import Stores
from . import databases, vault
from .errors import StoreError, StoreUnusable

LINKED = frozenset({Status.CONNECTED, Status.RECONNECTING})


@dataclass(frozen=True, slots=True)
class StoreRow:
    account_id: str
    workspace: str
    label: str
    status: str
    device_jid: str  # empty: no credentials on this machine
    bytes: int
    snapshots: int
    last_snapshot_at: str

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `problem` is empty when it is in order."""

    account_id: str
    what: str  # "store" or "snapshot 7"
    state: str
    problem: str

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def stores_of(accounts: QuerySet[WhatsAppAccount], folders: Stores) -> list[StoreRow]:
    found = []
    for account in accounts.select_related("workspace", "session").order_by("created_at", "pk"):
        folder = folders.folder(account.workspace_id, account.pk)
        newest = account.snapshots.order_by("-at", "-pk").first()
        found.append(
            StoreRow(
                account_id=str(account.pk),
                workspace=account.workspace.name,
                label=account.label,
                status=_status(account),
                device_jid=device_jid(folder),
                bytes=folders.size(account.workspace_id, account.pk),
                snapshots=account.snapshots.count(),
                last_snapshot_at=rfc3339(newest.at) if newest else "",
            )
        )
    return found


def snapshot_row(snapshot: StoreSnapshot) -> dict[str, Any]:
    return {
        "id": snapshot.pk,
        "account_id": str(snapshot.account_id),
        "at": rfc3339(snapshot.at),
        "reason": snapshot.reason,
        "device_jid": snapshot.device_jid,
        "bytes": snapshot.size,
        "key_id": snapshot.key_id,
        "path": snapshot.path,
        "sha256": snapshot.sha256,
    }


def device_jid(folder: Path) -> str:
    """The linked device of a store, or "" when it has none or cannot be read."""
    if not stores.has_credentials(folder):
        return ""
    try:
        with contextlib.closing(stores.read_only(folder / stores.STORE)) as db:
            row = db.execute("SELECT jid FROM whatsmeow_device LIMIT 1").fetchone()
    except sqlite3.DatabaseError:
        return ""
    return str(row[0]) if row else ""


def verify(account: WhatsAppAccount, folders: Stores) -> Iterator[Finding]:
    """The store as it is on this machine, then every snapshot by opening it. Changes nothing."""
    yield _verify_store(account, folders)
    for snapshot in account.snapshots.select_related("account").order_by("-at", "-pk"):
        what = f"snapshot {snapshot.pk}"
        try:
            with databases.staging(folders.root) as work:
                vault.fetch(snapshot=snapshot, work=work)
        except StoreError as exc:
            yield Finding(str(account.pk), what, "unusable", str(exc))
        else:
            yield Finding(str(account.pk), what, "ok", "")


def _verify_store(account: WhatsAppAccount, folders: Stores) -> Finding:
    pk = str(account.pk)
    try:
        folder = folders.folder(account.workspace_id, account.pk)
    except stores.UnsafePath as exc:
        return Finding(pk, "store", "unsafe", str(exc))
    if not (folder / stores.STORE).exists():
        problem = "it is connected and has no store here" if _status(account) in LINKED else ""
        return Finding(pk, "store", "none", problem)
    if readable := [p for p in (folder, folder.parent) if p.stat().st_mode & 0o077]:
        return Finding(pk, "store", "open", f"others can read {readable[0]}: chmod 0700 it")
    try:
        jids = databases.inspect(folder / stores.STORE).device_jids
    except StoreUnusable as exc:
        # An engine that has just made its file has no tables yet.
        empty = not (folder / stores.STORE).stat().st_size
        return Finding(pk, "store", "none" if empty else "damaged", "" if empty else str(exc))
    if not jids:
        problem = "it is connected without credentials" if _status(account) in LINKED else ""
        return Finding(pk, "store", "not linked", problem)
    if len(jids) > 1:
        return Finding(pk, "store", "ambiguous", f"it holds several devices: {', '.join(jids)}")
    return Finding(pk, "store", "ok", "")


def _status(account: WhatsAppAccount) -> str:
    session = getattr(account, "session", None)
    return str(session.status) if session else Status.DISCONNECTED.value


def find_account(text: str) -> WhatsAppAccount:
    try:
        pk = UUID(text)
    except ValueError:
        raise StoreError(f"'{text[:60]}' is not the id of an account") from None
    found = WhatsAppAccount.objects.present().filter(pk=pk).first()
    if found is None:
        raise StoreError(f"there is no account {pk}")
    return found


def find_workspace(text: str) -> Workspace:
    found = Workspace.objects.filter(name=text).first()
    if found is None:
        try:
            found = Workspace.objects.filter(pk=UUID(text)).first()
        except ValueError:
            found = None
    if found is None:
        raise StoreError(f"--workspace: there is no workspace '{text[:120]}'")
    return found
