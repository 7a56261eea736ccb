"""Snapshots by themselves: a thread of the node, which has the folders.

Each round asks the database anew what there is, decides (`due`, pure), and takes a few. Nothing is
kept between rounds but when an account that failed may be tried again. A storage that hangs or
fails delays this thread and nothing else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections
from django.db.models import OuterRef, Subquery

from accounts.models import WhatsAppAccount

from .. import stores
from ..lines import about
from ..models import StoreSnapshot
from ..states import Status
from ..stores import Stores, UnsafePath
from . import housekeeping, vault
from .errors import NothingToSave, StoreError

logger = logging.getLogger(__name__)

ROUND = 30.0  # seconds between two looks
SETTLED = 60.0  # seconds from a pairing to its snapshot: the first keys have been exchanged then
AT_ONCE = 5  # snapshots per round; more wait for the next
BETWEEN = 0.2  # seconds between two of them
RETRY = 900.0  # seconds until an account whose snapshot failed is tried again


@dataclass(frozen=True, slots=True)
class Facts:
    """What the decision needs, all times in unix seconds; None: never, or not now."""

    changed_at: float | None  # the store's last write
    connected_at: float | None
    device_jid: str  # while connected
    last_at: float | None  # the newest snapshot, of any reason
    last_device_jid: str = ""


def due(facts: Facts, *, now: float, interval: float, settled: float = SETTLED) -> bool:
    """Whether a snapshot is to be taken now: a new link soon, then changes at every interval."""
    if interval <= 0 or facts.changed_at is None:
        return False
    is_new_link = facts.last_at is None or (
        facts.connected_at is not None
        and facts.connected_at > facts.last_at
        and facts.device_jid != facts.last_device_jid
    )
    if is_new_link:
        since = facts.connected_at if facts.connected_at is not None else facts.changed_at
        return now - since >= min(settled, interval)
    assert facts.last_at is not None
    return now - facts.last_at >= interval and facts.changed_at > facts.last_at


class Schedule:
    """`start()` with the node, `stop()` with it."""

    def __init__(
        self,
        *,
        node: str,
        folders: Stores,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._node = node
        self._folders = folders
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)
        self._not_before: dict[UUID, float] = {}
        self._cleaned_at = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self, within: float = 2.0) -> None:
        """A copy that takes longer ends with the process: nothing of it is in place yet."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(within)

    def _run(self) -> None:
        pause = min(ROUND, max(1.0, settings.SNAPSHOT_INTERVAL / 4 or ROUND))
        while not self._stopping.wait(pause):
            try:
                close_old_connections()
                self.turn()
            except (DatabaseError, OSError, StoreError):
                logger.exception("snapshots: a round did not finish; the next one goes on")
        connections.close_all()

    def turn(self) -> int:
        """One round. Returns how many snapshots were taken."""
        now = self._clock()
        vault.forget_deleted()
        housekeeping.purge_of_deleted_workspaces(folders=self._folders)
        if now - self._cleaned_at >= housekeeping.DAY:
            self._cleaned_at = now
            housekeeping.purge_quarantine(folders=self._folders)
        taken = 0
        for account in self._accounts_due(now):
            taken += self._take(account)
            if taken >= AT_ONCE or self._stopping.wait(BETWEEN):
                break
        return taken

    def _take(self, account: WhatsAppAccount) -> bool:
        if not self._folders.has_credentials(account.workspace_id, account.pk):
            return False
        try:
            made = vault.snapshot(
                account=account, folders=self._folders, reason=StoreSnapshot.Reason.SCHEDULED
            )
        except NothingToSave:
            return False
        except (StoreError, OSError) as exc:
            self._not_before[account.pk] = self._clock() + RETRY
            logger.warning("no snapshot: %s", exc, extra=_about(account))
            return False
        logger.info("snapshot %s, %d bytes", made.pk, made.size, extra=_about(account))
        return True

    def _accounts_due(self, now: float) -> Iterator[WhatsAppAccount]:
        newest = StoreSnapshot.objects.filter(account=OuterRef("pk")).order_by("-at", "-pk")
        accounts = (
            WhatsAppAccount.objects.present()
            .filter(session__node__in=("", self._node), session__unlink_pending=False)
            .select_related("session")
            .annotate(
                last_at=Subquery(newest.values("at")[:1]),
                last_device_jid=Subquery(newest.values("device_jid")[:1]),
            )
        )
        for account in accounts:
            if self._not_before.get(account.pk, 0.0) > now:
                continue
            found = vars(account)  # with what the query added
            facts = Facts(
                changed_at=self._changed_at(account),
                connected_at=_connected_at(account),
                device_jid=account.device_jid,
                last_at=_seconds(found["last_at"]),
                last_device_jid=found["last_device_jid"] or "",
            )
            if due(facts, now=now, interval=settings.SNAPSHOT_INTERVAL):
                yield account

    def _changed_at(self, account: WhatsAppAccount) -> float | None:
        """By the files' times, so that most rounds open no database."""
        times = []
        for name in (stores.STORE, f"{stores.STORE}-wal"):
            try:
                file = self._folders.folder(account.workspace_id, account.pk) / name
                times.append(file.stat().st_mtime)
            except (FileNotFoundError, UnsafePath):
                continue  # no credentials here (yet), or no log beside them: nothing to copy
        return max(times, default=None)


def _connected_at(account: WhatsAppAccount) -> float | None:
    if account.session.status != Status.CONNECTED:
        return None
    return _seconds(account.connected_at)


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


def _about(account: WhatsAppAccount) -> dict[str, str | int]:
    return about(account.pk, workspace=account.workspace_id)
