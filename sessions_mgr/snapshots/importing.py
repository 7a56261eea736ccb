"""Take over a number from another program that uses whatsmeow, e.g. GOWA: no new QR code.

The device's rows (device_rows.py) go into an empty store that our engine has just made, and that
becomes the store of a new account. The source is only ever read: we work on a private copy of it.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts.models import WhatsAppAccount, Workspace

from .. import assignments, services, stores
from ..stores import Stores
from . import databases, device_rows, inspection
from .databases import Contents
from .errors import StoreError, StoreUnusable

OLDEST = 5  # version of whatsmeow's tables; older ones wrote JIDs in another form
_DEVICE_JID = re.compile(r"(\d{5,20})(?::\d{1,5})?@s\.whatsapp\.net")


@dataclass(frozen=True, slots=True)
class Imported:
    """What was taken over, or would be. `account` is None in a dry run."""

    account: WhatsAppAccount | None
    device_jid: str
    phone_number: str
    rows: int


def import_store(
    *,
    file: Path,
    workspace: Workspace,
    label: str,
    folders: Stores,
    jid: str = "",
    dry_run: bool = False,
    actor: str = "system",
) -> Imported:
    """Make an account of the device in `file`. `jid` chooses where there are several.

    The other program must have been stopped for good: two programs on one link unseat each other.
    """
    with databases.staging(folders.root) as work:
        source = _private_copy(file, work)
        device_jid = _choose(databases.inspect(source), jid)
        phone_number = phone_of(device_jid)
        _refuse_second_account(workspace, phone_number, folders)
        target = _empty_store(work)
        rows = device_rows.copy_device(source, target, device_jid)
        if databases.inspect(target).device_jids != (device_jid,):
            raise StoreUnusable("the copy does not hold the device; nothing was imported")
        account = None
        if not dry_run:
            account = _make_account(workspace, label, folders, target, actor)
    return Imported(account, device_jid, phone_number, rows)


def _private_copy(file: Path, work: Path) -> Path:
    """Byte by byte, with the log that belongs to it. StoreError when it changed meanwhile."""
    if not file.is_file():
        raise StoreError(f"{file} is not a file")
    names = [file, *(file.with_name(file.name + end) for end in ("-wal", "-journal"))]
    try:
        before = _stamps(names)
        for name in names:
            if name.exists():
                shutil.copyfile(name, work / f"source{name.name[len(file.name) :]}")
        if _stamps(names) != before:
            raise StoreError(f"{file} is in use: stop the other program for good first")
    except OSError as exc:
        raise StoreError(f"{file} cannot be read ({exc.strerror})") from None
    copied = work / "source"
    try:
        databases.settle(copied)  # works the log in, in our copy
    except sqlite3.DatabaseError as exc:
        raise StoreUnusable(f"{file.name} is damaged or no database ({exc})") from None
    return copied


def _stamps(names: list[Path]) -> list[tuple[int, int] | None]:
    return [
        (name.stat().st_size, name.stat().st_mtime_ns) if name.exists() else None for name in names
    ]


def _choose(contents: Contents, jid: str) -> str:
    jids = contents.device_jids
    if contents.schema_version < OLDEST:
        raise StoreUnusable(
            f"its tables have version {contents.schema_version}; open it once with a program "
            f"that has version {OLDEST} or newer"
        )
    if not jids:
        raise StoreUnusable("it holds no device: the number is not linked there")
    if jid and jid not in jids:
        raise StoreError(f"--jid: there is no device {jid}; there is {', '.join(jids)}")
    if not jid and len(jids) > 1:
        raise StoreError(f"it holds several devices; choose one with --jid: {', '.join(jids)}")
    chosen = jid or jids[0]
    if not _DEVICE_JID.fullmatch(chosen):
        raise StoreUnusable(f"'{chosen[:80]}' is not a linked device of a phone number")
    return chosen


def _refuse_second_account(workspace: Workspace, phone_number: str, folders: Stores) -> None:
    """Also counts the accounts that are disconnected and still have credentials for the phone."""
    for account in WhatsAppAccount.objects.present().filter(workspace=workspace):
        if phone_number in (account.phone_number, stored_phone(account, folders)):
            raise StoreError(
                f"{phone_number} belongs to '{account.label}' ({account.pk}) in this workspace"
            )


def stored_phone(account: WhatsAppAccount, folders: Stores) -> str:
    """The phone number for which the account has credentials on this machine, or ""."""
    jid = inspection.device_jid(folders.folder(account.workspace_id, account.pk))
    return phone_of(jid) if jid else ""


def phone_of(jid: str) -> str:
    """ "15550001:3@s.whatsapp.net" is a device of +15550001."""
    return "+" + jid.partition("@")[0].partition(":")[0]


def _empty_store(work: Path) -> Path:
    """A store with no device, with the tables of the engine that will use it."""
    target = work / "fresh"
    target.touch(mode=0o600)
    command = [sys.executable, "-m", "sessions_mgr.engines.neonize_store", str(target)]
    try:
        subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, timeout=60, check=True)
    except subprocess.SubprocessError as exc:
        raise StoreError(f"the engine could not make an empty store ({exc})") from exc
    if databases.inspect(target).device_jids:
        raise StoreError("the engine's empty store is not empty")
    return target


def _make_account(
    workspace: Workspace, label: str, folders: Stores, store: Path, actor: str
) -> WhatsAppAccount:
    """The account and its store, or neither."""
    with transaction.atomic():
        account = services.create_account(
            workspace=workspace, label=label, actor=actor, metadata={"imported": True}
        )
        folder = folders.create(workspace.pk, account.pk)
        try:
            databases.put_in_place(store, folder / stores.STORE)
        except OSError:
            folders.purge(workspace.pk, account.pk)
            raise
        jid = databases.inspect(folder / stores.STORE).device_jids[0]
        assignments.hold_credentials(account_id=account.pk, node=settings.NODE_NAME, jid=jid)
    return account
