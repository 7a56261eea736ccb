"""Put credentials back: from a snapshot, or from what was set aside.

The order is the point. What comes back is fetched and checked first, in a private folder. Then the
account's folder is held, as a worker holds it, so that nothing can start on it. Then the store
that is there is saved, and only then one rename puts the new one in its place.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings

from accounts import services as accounts
from accounts.models import WhatsAppAccount

from .. import assignments, services, stores
from ..lines import about
from ..models import Session, StoreSnapshot
from ..states import ACTIVE, Desired
from ..stores import Stores
from . import databases, vault
from .errors import StoreError, StoreUnusable

logger = logging.getLogger(__name__)

PATIENCE = 30.0  # seconds that a worker gets to let go of its store
SET_ASIDE = "replaced_by_restore"
_QUARANTINED = re.compile(r"\d{8}T\d{6}-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, or would be."""

    account_id: UUID
    source: str
    device_jid: str
    disconnected: bool  # it was connected, and had to be disconnected first
    saved: StoreSnapshot | None  # what was there before
    dry_run: bool


def restore(
    *,
    account: WhatsAppAccount,
    folders: Stores,
    snapshot: StoreSnapshot | None = None,
    force: bool = False,
    dry_run: bool = False,
    actor: str = "system",
    patience: float = PATIENCE,
) -> Restored:
    """Replace the account's store by a snapshot, the newest by default. Then connect it.

    Refused while the account is wanted connected, unless `force` disconnects it first.
    """
    if snapshot is None:
        snapshot = account.snapshots.order_by("-at", "-pk").first()
    if snapshot is None:
        raise StoreError(f"there is no snapshot of {account.pk}")
    if snapshot.account_id != account.pk:
        raise StoreError(f"snapshot {snapshot.pk} is of another account")
    chosen = snapshot

    def bring(work: Path) -> Path:
        return vault.fetch(snapshot=chosen, work=work)[0]

    replacing = _Replacing(account, folders, f"snapshot {chosen.pk}", actor, patience)
    return replacing.run(bring, force=force, dry_run=dry_run)


def restore_quarantined(
    *,
    name: str,
    folders: Stores,
    force: bool = False,
    dry_run: bool = False,
    actor: str = "system",
    patience: float = PATIENCE,
) -> Restored:
    """Put back what was set aside. It also stays in the quarantine until it is purged there."""
    match = _QUARANTINED.fullmatch(name)
    aside = folders.root / stores.QUARANTINE / name
    if match is None or aside.is_symlink() or not aside.is_dir():
        raise StoreError(f"there is nothing named '{name[:120]}' in the quarantine")
    account = WhatsAppAccount.objects.present().filter(pk=UUID(match[1])).first()
    if account is None:
        raise StoreError(f"the account {match[1]} does not exist any more")
    owner = account_of(aside)
    if owner != account.pk:
        raise StoreError(f"'{name}' does not say that it is of the account {account.pk}")

    def bring(work: Path) -> Path:
        return _credentials_in(aside, work)

    return _Replacing(account, folders, name, actor, patience).run(
        bring, force=force, dry_run=dry_run
    )


def account_of(aside: Path) -> UUID | None:
    """The account that a quarantined folder names in its note."""
    try:
        return UUID(json.loads((aside / "meta.json").read_text())["account_id"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _credentials_in(aside: Path, work: Path) -> Path:
    """The first of store and before-life copy that is sound and can log in, copied to `work`."""
    reasons = []
    for name in (stores.STORE, stores.COPY):
        if not (aside / name).is_file() or (aside / name).is_symlink():
            continue
        copied = work / name
        try:
            databases.copy(aside / name, copied)
            if databases.inspect(copied).device_jids:
                return copied
            reasons.append(f"{name} holds no credentials")
        except StoreUnusable as exc:
            reasons.append(str(exc))
    raise StoreUnusable(f"nothing in '{aside.name}' can be used: {'; '.join(reasons) or 'empty'}")


@dataclass(frozen=True, slots=True)
class _Replacing:
    account: WhatsAppAccount
    folders: Stores
    source: str
    actor: str
    patience: float

    def run(self, bring: Callable[[Path], Path], *, force: bool, dry_run: bool) -> Restored:
        must_disconnect = self._is_wanted(force)
        with databases.staging(self.folders.root) as work:
            database = bring(work)
            jid = databases.inspect(database).device_jids[0]
            saved = None
            if not dry_run:
                if must_disconnect:
                    services.request_disconnect(account=self.account, actor=self.actor)
                saved = self._replace_by(database)
                assignments.hold_credentials(
                    account_id=self.account.pk, node=settings.NODE_NAME, jid=jid
                )
        if not dry_run:
            accounts.record(
                workspace=self.account.workspace,
                actor=self.actor,
                action="account.store_restored",
                target=str(self.account.pk),
                source=self.source,
            )
        return Restored(self.account.pk, self.source, jid, must_disconnect, saved, dry_run)

    def _is_wanted(self, force: bool) -> bool:
        session = Session.objects.filter(pk=self.account.pk).first()
        if session is None:
            return False
        if session.unlink_pending:
            raise StoreError(f"the link of {self.account.pk} is being ended; try again after that")
        wanted = session.desired == Desired.CONNECTED and session.status in ACTIVE
        if wanted and not force:
            raise StoreError(
                f"{self.account.pk} is {session.status}: disconnect it first, or use --force"
            )
        return wanted

    def _replace_by(self, database: Path) -> StoreSnapshot | None:
        folder = self.folders.create(self.account.workspace_id, self.account.pk)
        held = self._hold(folder)
        try:
            saved = self._save_present(folder)
            databases.put_in_place(database, folder / stores.STORE)
        finally:
            os.close(held)
        logger.warning(
            "store replaced by %s",
            self.source,
            extra=about(self.account.pk, workspace=self.account.workspace_id),
        )
        return saved

    def _hold(self, folder: Path) -> int:
        """As a worker would. Waits for the one that is still stopping."""
        until = time.monotonic() + self.patience
        while True:
            try:
                return stores.hold(folder, json.dumps({"pid": os.getpid(), "for": "restore"}))
            except stores.StoreLocked as exc:
                if time.monotonic() > until:
                    raise StoreError(
                        f"{exc} after {self.patience:g} s; nothing was replaced"
                    ) from None
            time.sleep(0.1)

    def _save_present(self, folder: Path) -> StoreSnapshot | None:
        """Keep the credentials that are there: sealed when sound, else set aside as they are."""
        if not (folder / stores.STORE).exists():
            return None
        try:
            databases.settle(folder / stores.STORE)
            has_credentials = databases.inspect(folder / stores.STORE).device_jids
        except (StoreUnusable, sqlite3.DatabaseError):
            self.folders.quarantine(self.account.workspace_id, self.account.pk, SET_ASIDE)
            return None
        if not has_credentials:
            return None
        return vault.snapshot(
            account=self.account,
            folders=self.folders,
            reason=StoreSnapshot.Reason.BEFORE_RESTORE,
        )
