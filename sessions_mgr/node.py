"""The session node: the supervisor, wired to the database, the bus and the folders.

`SessionRegistry` is the only place where supervision meets Django. It answers what should run
(assignments.py), prepares a folder and a configuration for each life, and cleans up after it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from . import assignments, stores
from .bus import address, carriers, streams
from .snapshots.schedule import Schedule
from .supervision import networks, processes
from .supervision.contracts import Assignment, End
from .supervision.networks import SandboxNetwork
from .supervision.plan import GiveUp, Limits, StartRate, Wanted
from .supervision.supervisor import Supervisor
from .supervision.zygote_client import MODULE, ZygoteWorkers
from .worker.config import WorkerConfig
from .worker.exits import Exit, describe

logger = logging.getLogger(__name__)

PATIENCE = 30.0  # seconds to wait for the bus and the sandbox at start
DRAIN_MARGIN = 1.5  # seconds of the stop grace that the worker does not get for draining
# Ends after which the credentials are of no use and are set aside, with the reason.
SET_ASIDE = {
    describe(Exit.STORE_CORRUPT): "store_corrupt",
    describe(Exit.LOGGED_OUT): "logged_out",
}


class NotReady(Exception):
    """Something that the node needs was not there in time."""


class SessionRegistry:
    """What the supervisor knows of the database. Called from the supervisor's thread only."""

    def __init__(self, *, node: str, folders: stores.Stores) -> None:
        self.node = node
        self.folders = folders
        self.sandbox: SandboxNetwork | None = None
        self.is_running: Callable[[UUID], bool] = lambda _account: False
        self.on_look: Callable[[], None] = lambda: None
        self._workspaces: dict[UUID, UUID] = {}

    def wanted(self) -> Mapping[UUID, Wanted]:
        close_old_connections()
        self.on_look()
        found = assignments.wanted_sessions(self.node)
        self._workspaces |= {account: wanted.workspace_id for account, wanted in found.items()}
        self._purge_deleted()
        return found

    def assign(self, account: UUID, wanted: Wanted) -> Assignment | None:
        if wanted.mode == "unlink" and not self.folders.has_credentials(
            wanted.workspace_id, account
        ):
            self.unlinked(account, wanted.epoch)  # nothing to tell WhatsApp
            return None
        bus = address.find()
        if bus is None:
            raise NotReady("the bus has never been started")
        epoch = assignments.take_assignment(
            account_id=account, node=self.node, seen_epoch=wanted.epoch
        )
        if epoch is None:
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
        )
        return Assignment(epoch, config.to_json(), folder / stores.LOG)

    def ended(self, account: UUID, end: End) -> None:
        workspace = self._workspaces[account]
        if reason := SET_ASIDE.get(end.exit):
            self.folders.quarantine(workspace, account, reason)
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

    def gave_up(self, order: GiveUp) -> None:
        assignments.gave_up(
            account_id=order.account, epoch=order.epoch, code=order.code, detail=order.detail
        )

    def unlinked(self, account: UUID, epoch: int) -> None:
        self.folders.forget_credentials(self._workspaces[account], account)
        assignments.unlink_finished(account_id=account, epoch=epoch)

    def _purge_deleted(self) -> None:
        for account, workspace in assignments.purge_requested():
            if self.is_running(account):
                continue
            self.folders.purge(workspace, account)
            assignments.purge_done(account)
            logger.info("account %s: deleted, its folder is gone", account)


class Node:
    """One per machine. `run` returns after SIGTERM or SIGINT, when every worker has ended."""

    def __init__(self) -> None:
        self.registry = SessionRegistry(
            node=settings.NODE_NAME, folders=stores.Stores(settings.SESSIONS_ROOT)
        )
        self.workers: ZygoteWorkers | None = None
        self.supervisor: Supervisor | None = None

    def run(self) -> None:
        with _interruptible():
            self._wait_for(lambda: address.find() is not None, "the bus")
            if settings.SANDBOX:
                self._wait_for(self._find_sandbox, "the sandbox")
        log = settings.DATA_DIR / "zygote.log"
        self.workers = ZygoteWorkers(
            networks.zygote_environment(os.environ, self.registry.sandbox), log=log
        )
        self.supervisor = Supervisor(
            registry=self.registry,
            workers=self.workers,
            limits=Limits(
                grace=settings.SESSION_STOP_GRACE,
                silence=settings.SESSION_HEARTBEAT_TIMEOUT,
                crash_budget=settings.SESSION_CRASH_BUDGET,
            ),
            rate=StartRate(settings.SESSION_START_BURST, settings.SESSION_START_RATE),
        )
        self.registry.is_running = self.supervisor.running.__contains__
        self.registry.on_look = self._follow_sandbox
        self.workers.start()
        bus = carriers.current()
        bus.subscribe(streams.HINT_SESSIONS, self._on_hint)
        bus.answer(streams.NODES, lambda: {"ok": True, "node": settings.NODE_NAME})
        logger.info("node %s is up", settings.NODE_NAME)
        snapshots = Schedule(node=settings.NODE_NAME, folders=self.registry.folders)
        snapshots.start()
        try:
            self.supervisor.run()
        finally:
            snapshots.stop()
            self.workers.close()
            carriers.close()

    def _on_hint(self, _subject: str, data: bytes) -> None:
        assert self.supervisor is not None
        account = None
        with contextlib.suppress(ValueError, KeyError, TypeError):
            account = UUID(json.loads(data)["account_id"])
        self.supervisor.hint(account)

    def _find_sandbox(self) -> bool:
        self.registry.sandbox = SandboxNetwork.read(settings.SANDBOX_DIR / "network.json")
        return self.registry.sandbox is not None

    def _follow_sandbox(self) -> None:
        """A sandbox that was started anew listens elsewhere; Go's environment cannot change."""
        if not settings.SANDBOX or self.workers is None or self.supervisor is None:
            return
        found = SandboxNetwork.read(settings.SANDBOX_DIR / "network.json")
        if found is None or found == self.registry.sandbox:
            return
        self.registry.sandbox = found
        self.workers.change_environment(networks.zygote_environment(os.environ, found))
        self.supervisor.replace_all("the sandbox has moved")

    @staticmethod
    def _wait_for(ready: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > until:
                raise NotReady(f"{what} was not there within {PATIENCE:g} s")
            time.sleep(0.05)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """While only waiting, a SIGTERM ends the node at once, as Ctrl+C does."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
