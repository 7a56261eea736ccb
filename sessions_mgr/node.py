"""The session node: the supervisor, wired to the database, the bus, the folders and the lease."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psutil
from django.conf import settings
from django.utils import timezone

from events.models import rfc3339

from . import stores
from .bus import address, carriers, streams
from .credentials import Credentials, InDatabase, InFolders, StoreUnavailable, default_url
from .ownership import fence, placement
from .ownership.counted_workers import CountedWorkers
from .ownership.keeper import Duties, LeaseKeeper
from .ownership.members import Member, this_host
from .registry import NotReady, SessionRegistry
from .snapshots.schedule import Schedule
from .supervision import networks
from .supervision.networks import SandboxNetwork
from .supervision.plan import Limits, StartRate
from .supervision.supervisor import Supervisor
from .supervision.zygote_client import ZygoteWorkers

logger = logging.getLogger(__name__)

PATIENCE = 30.0  # seconds to wait for the bus and the sandbox at start


class NameTaken(Exception):
    """Another process runs this node."""


class Node:
    """One per machine. `run` returns after SIGTERM or SIGINT, when every worker has ended."""

    def __init__(self) -> None:
        folders = stores.Stores(settings.SESSIONS_ROOT)
        self.credentials: Credentials = InFolders(folders)
        if settings.SESSION_STORE == "postgres":
            url = settings.SESSION_STORE_URL or default_url(settings.DATABASES["default"])
            self.credentials = InDatabase(url)
        try:
            self.credentials.prepare()
        except StoreUnavailable as exc:
            raise NotReady(f"SESSION_STORE {settings.SESSION_STORE} is not usable: {exc}") from exc
        self.keeper = LeaseKeeper(
            me=self._member(),
            ttl=settings.NODE_LEASE_TTL,
            find=address.find,
            duties=Duties(self._look, self._live_until, fence.kill_everything_below),
        )
        self.registry = SessionRegistry(
            node=settings.NODE_NAME,
            folders=folders,
            credentials=self.credentials,
            standing=self.keeper,
        )
        self.workers: ZygoteWorkers | None = None
        self.counted: CountedWorkers | None = None
        self.supervisor: Supervisor | None = None

    def _member(self) -> Member:
        me = psutil.Process()
        return Member(
            node=settings.NODE_NAME,
            instance=secrets.token_hex(8),
            host=this_host(),
            pid=me.pid,
            process_started=me.create_time(),
            started_at=rfc3339(timezone.now()),
            capacity=settings.NODE_CAPACITY,
            store=self.credentials.identity(),
        )

    def run(self) -> None:
        with _interruptible():
            self._wait_for(lambda: address.find() is not None, "the bus")
            if settings.SANDBOX:
                self._wait_for(self._find_sandbox, "the sandbox")
            self._take_lease()
        log = settings.DATA_DIR / "zygote.log"
        self.workers = ZygoteWorkers(
            networks.zygote_environment(os.environ, self.registry.sandbox), log=log
        )
        self._live_until(self.keeper.lease.kill_at)
        self.counted = CountedWorkers(self.workers)
        self.supervisor = Supervisor(
            registry=self.registry,
            workers=self.counted,
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
        bus.answer(streams.NODES_STATS, self.stats)
        for verb, handler in self._verbs().items():
            bus.answer(streams.node_subject(settings.NODE_NAME, verb), handler)
        logger.info("node %s is up", settings.NODE_NAME)
        snapshots = Schedule(node=settings.NODE_NAME, folders=self.registry.folders)
        snapshots.start()
        try:
            self.supervisor.run()
            self.keeper.release()  # every worker has ended
        finally:
            snapshots.stop()
            self.workers.close()
            carriers.close()

    # What others ask it --------------------------------------------------------------------------

    def stats(self) -> dict[str, Any]:
        """Figures of this node. Called in the bus's thread: reads, and never waits."""
        supervisor, workers, counted = self.supervisor, self.workers, self.counted
        assert supervisor is not None and workers is not None and counted is not None
        running = list(supervisor.running.values())
        me = self.keeper.me
        return {
            "ok": True,
            "node": me.node,
            "instance": me.instance,
            "started_at": me.started_at,
            "lease_held": self.keeper.token() is not None,
            "lease_term": self.keeper.lease.term,
            "draining": me.draining,
            "owned": self.registry.owned,
            "takers": sorted(self._takers()),
            "workers": len(running),
            "rss_bytes": sum(worker.rss_bytes for worker in running),
            "resting": len(supervisor.resting),
            "zygote_pid": workers.zygote_pid,
            **counted.figures(),
        }

    def _takers(self) -> set[str]:
        """Other nodes that could run the numbers of this one."""
        me = self.keeper.me
        others = placement.active(self.keeper.living())
        return {name for name, m in others.items() if name != me.node and m.store == me.store}

    def _verbs(self) -> dict[str, Callable[[], dict[str, Any]]]:
        def drain(draining: bool) -> dict[str, Any]:
            self.keeper.drain(draining)
            self._look()
            return self.stats() | {"draining": draining}

        return {
            "stats": self.stats,
            "drain": lambda: drain(True),
            "undrain": lambda: drain(False),
        }

    # What the lease says -------------------------------------------------------------------------

    def _take_lease(self) -> None:
        self.keeper.start()
        self._wait_for(self.keeper.decided.is_set, "the lease of this node")
        if self.keeper.refused:
            self.keeper.release()
            raise NameTaken(
                f"NODE_NAME {settings.NODE_NAME} is taken: another process runs this node; stop it "
                "or give this one another name"
            )

    def _look(self) -> None:
        if self.supervisor is not None:
            self.supervisor.hint()

    def _live_until(self, moment: float) -> None:
        if self.workers is not None:
            self.workers.live_until(moment)

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
