"""What the supervisor knows of the database: the only place where supervision meets Django.

It answers what should run here (ownership/placement.py decides, assignments.py makes it true),
prepares a folder and a configuration for each life, and cleans up after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from . import assignments, stores
from .bus import address
from .credentials import Credentials
from .lines import about
from .ownership import clock
from .ownership.members import Member
from .ownership.placement import Decision, Number, Placement
from .supervision import processes
from .supervision.contracts import Assignment, End
from .supervision.networks import SandboxNetwork
from .supervision.plan import GiveUp, Wanted
from .supervision.zygote_client import MODULE
from .worker.config import WorkerConfig
from .worker.exits import Exit, describe

logger = logging.getLogger(__name__)

DRAIN_MARGIN = 1.5  # seconds of the stop grace that the worker does not get for draining
# Ends after which the credentials are of no use and are set aside, with the reason.
SET_ASIDE = {
    describe(Exit.STORE_CORRUPT): "store_corrupt",
    describe(Exit.LOGGED_OUT): "logged_out",
}


class NotReady(Exception):
    """Something that the node needs was not there in time."""


class Standing(Protocol):
    """What is known of our lease and of other nodes (ownership/keeper.py)."""

    def token(self) -> int | None: ...

    def living(self) -> Mapping[str, Member]: ...

    def blind(self) -> bool: ...


class SessionRegistry:
    """Called from the supervisor's thread only."""

    def __init__(
        self, *, node: str, folders: stores.Stores, credentials: Credentials, standing: Standing
    ) -> None:
        self.node = node
        self.folders = folders
        self.credentials = credentials
        self.standing = standing
        self.placement = Placement(node)
        self.sandbox: SandboxNetwork | None = None
        self.is_running: Callable[[UUID], bool] = lambda _account: False
        self.on_look: Callable[[], None] = lambda: None
        # Before each use of the database: after an error the old connection may never work again.
        self.refresh: Callable[[], None] = close_old_connections
        self.owned = 0  # numbers that are this node's, as of the last look
        self._numbers: dict[UUID, Number] = {}
        self._leaving: set[UUID] = set()
        self._adrift: frozenset[UUID] = frozenset()

    def wanted(self) -> Mapping[UUID, Wanted]:
        """Nothing without a lease, whatever the database says: it is not even asked."""
        if self.standing.token() is None:
            self._leaving.clear()
            return {}
        self.refresh()
        self.on_look()
        numbers = assignments.wanted_sessions()
        self._numbers |= numbers
        decision = self._decide(numbers)
        self._hand_over(decision, numbers)
        self._purge_deleted()
        self.owned = len(decision.owned)
        return {
            account: Wanted(
                workspace_id=numbers[account].workspace_id,
                epoch=numbers[account].epoch,
                mode=numbers[account].mode,
                proxy_url=numbers[account].proxy_url,
            )
            for account in decision.run - self._leaving
        }

    def _decide(self, numbers: Mapping[UUID, Number]) -> Decision:
        decision = self.placement.decide(
            list(numbers.values()),
            self.standing.living(),
            self._reachable,
            clock.now(),
            leaving=self._leaving,
            blind=self.standing.blind(),
        )
        for account in decision.adrift - self._adrift:
            number = numbers[account]
            logger.warning("its credentials are with node %s", number.owner, extra=_about(number))
            assignments.cast_adrift(account_id=account, epoch=number.epoch)
        self._adrift = decision.adrift
        return decision

    def _reachable(self, number: Number) -> bool:
        return self.credentials.present(number.workspace_id, number.account, number.store_jid)

    def _hand_over(self, decision: Decision, numbers: Mapping[UUID, Number]) -> None:
        """Stop some (by no longer wanting them), release those that have stopped."""
        self._leaving |= set(decision.leave)
        for account in list(self._leaving):
            if account not in decision.owned or numbers[account].mode == "unlink":
                self._leaving.discard(account)
            elif not self.is_running(account):
                self._release(account)

    def _release(self, account: UUID) -> None:
        if assignments.release(account_id=account, node=self.node):
            logger.info("released", extra=about(account))
        self._leaving.discard(account)

    def assign(self, account: UUID, wanted: Wanted) -> Assignment | None:
        number = self._numbers[account]
        if wanted.mode == "unlink" and not self._reachable(number):
            self.unlinked(account, wanted.epoch)  # nothing to tell WhatsApp
            return None
        bus = address.find()
        if bus is None:
            raise NotReady("the bus has never been started")
        token = self.standing.token()
        if token is None:
            return None
        place = self.credentials.for_worker(wanted.workspace_id, account, number.store_jid)
        epoch = assignments.take_assignment(
            account_id=account, node=self.node, seen_epoch=wanted.epoch
        )
        if epoch is None:
            return None
        if self.standing.token() != token:
            # The database took its time, and our lease ended meanwhile: others may have it by now.
            logger.warning("taken too late, it is not started", extra=_about(number))
            return None
        folder = self.folders.create(wanted.workspace_id, account)
        config = WorkerConfig(
            account_id=account,
            workspace_id=wanted.workspace_id,
            epoch=epoch,
            node=self.node,
            mode=wanted.mode,
            session_dir=folder,
            proxy_url=self.sandbox.proxy_url if self.sandbox else wanted.proxy_url,
            sandbox_trust_anchor=self.sandbox.noise_public_key if self.sandbox else "",
            nats_url=bus.url,
            nats_token=bus.token,
            pairing_timeout=settings.PAIRING_TIMEOUT,
            drain_timeout=max(0.5, min(settings.SESSION_STOP_GRACE, 6.0) - DRAIN_MARGIN),
            heartbeat_interval=min(5.0, settings.SESSION_HEARTBEAT_TIMEOUT / 4),
            **place,
        )
        return Assignment(epoch, config.to_json(), folder / stores.LOG)

    def ended(self, account: UUID, end: End) -> None:
        self.refresh()
        workspace = self._numbers[account].workspace_id
        if reason := SET_ASIDE.get(end.exit):
            self.credentials.set_aside(workspace, account, reason)
        if end.exit == describe(Exit.STORE_LOCKED):
            processes.kill_orphan(self.folders.folder(workspace, account) / stores.LOCK, MODULE)
        retry_at = None
        if end.retry_in is not None:
            retry_at = timezone.now() + timedelta(seconds=end.retry_in)
        assignments.worker_ended(
            account_id=account,
            epoch=end.epoch,
            exit=end.exit,
            detail=end.detail,
            final=end.final,
            retry_at=retry_at,
        )
        if account in self._leaving:
            self._release(account)

    def gave_up(self, order: GiveUp) -> None:
        self.refresh()
        assignments.gave_up(
            account_id=order.account, epoch=order.epoch, code=order.code, detail=order.detail
        )

    def unlinked(self, account: UUID, epoch: int) -> None:
        self.refresh()
        number = self._numbers[account]
        self.credentials.forget(number.workspace_id, account, number.store_jid)
        assignments.unlink_finished(account_id=account, epoch=epoch)

    def _purge_deleted(self) -> None:
        """Remove the folders of deleted accounts: where their owner is, or lies in reach."""
        living = self.standing.living()
        for account, workspace, owner in assignments.purge_requested():
            elsewhere = owner not in ("", self.node)
            if elsewhere and (owner in living or not self.folders.exists(workspace, account)):
                continue
            if self.is_running(account):
                continue
            self.folders.purge(workspace, account)
            assignments.purge_done(account)
            logger.info("deleted, its folder is gone", extra=about(account, workspace=workspace))


def _about(number: Number) -> dict[str, str | int]:
    return about(number.account, workspace=number.workspace_id, epoch=number.epoch)
