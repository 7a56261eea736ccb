"""The delivery worker: takes what is due, sends it, writes down how it went. Any number may run.

One task per lane or delivery sends; one loop talks to the ledger, in a thread of its own. Hints
wake it at once, and it looks by itself every POLL seconds, so a lost hint only costs that long.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from egress.transport import close, make_pool
from events import hints
from sessions_mgr import claimants

from . import ledger, replays, schedule
from .ledger import Claimed, Load, Report
from .sender import TIMEOUT, Outcome, Sender

logger = logging.getLogger(__name__)

POLL = 1.0  # seconds between looks at everything without a hint
SWEEP = 60.0  # seconds between looks for what has waited too long
RETRY_DELAY = 1.0  # seconds after the database refused a turn
REPORT_DELAY = 0.05  # seconds that reports of a lane wait for others
STOP_GRACE = 1.5  # seconds that requests in flight get at the end
# After so long a claimed delivery is given back unsent, so that a request ends within the lease.
RUN_TIME = schedule.LEASE.total_seconds() - TIMEOUT - 5.0  # seconds

T = TypeVar("T")


@dataclass(eq=False)
class Lane:
    """What goes one after the other: an account's deliveries in order, or a single one."""

    endpoint_id: UUID
    key: str
    ordered: bool
    queue: deque[tuple[Claimed, float]] = field(default_factory=deque)  # with the end of its time

    @property
    def room(self) -> int:
        return ledger.RUN_OF_A_LANE - len(self.queue)


class DeliveryWorker:
    """`run` until `stop` is set. Tests drive `step` and `settle` with a clock of their own."""

    def __init__(
        self,
        stop: asyncio.Event,
        sender: Sender,
        *,
        clock: Callable[[], datetime] = timezone.now,
        gate: AbstractAsyncContextManager[Any] | None = None,
    ) -> None:
        """`gate` is held around each turn, where writers of one process must take turns."""
        self._stop, self._sender, self._clock = stop, sender, clock
        self._gate = gate or nullcontext()
        self.claim = claimants.new()
        self._news = asyncio.Event()
        self._hinted: set[UUID] = set()
        self._reports: list[Report] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight: dict[UUID, int] = defaultdict(int)
        self._lanes: dict[tuple[UUID, str], Lane] = {}  # the ordered ones
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="webhooks")

    async def run(self) -> None:
        loop = asyncio.get_running_loop()

        def hear(workspace_id: UUID, _seq: int) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._heard, workspace_id)

        stopper = asyncio.ensure_future(self._stop.wait())
        stopper.add_done_callback(lambda _: self._news.set())
        hints.hear(hear)
        try:
            await self._in_thread(self._release_dead)
            await self._loop()
        finally:
            hints.forget(hear)
            stopper.cancel()
            await self._finish()

    async def _loop(self) -> None:
        next_look = next_sweep = 0.0
        while not self._stop.is_set():
            now = time.monotonic()
            everywhere = now >= next_look
            if everywhere:
                next_look = now + POLL
            try:
                if now >= next_sweep:
                    next_sweep = now + SWEEP
                    await self._in_thread(lambda: ledger.give_up(self._clock()))
                if everywhere and await self._in_thread(lambda: replays.advance(self._clock())):
                    next_look = now
                if await self.step(everywhere=everywhere) >= ledger.CLAIM_AT_ONCE:
                    next_look = now  # there may be more than one turn takes
            except DatabaseError as exc:
                logger.warning("webhooks: the database refused a turn: %s", exc)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), RETRY_DELAY)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), max(0.0, next_look - time.monotonic()))

    def _heard(self, workspace_id: UUID) -> None:
        self._hinted.add(workspace_id)
        self._news.set()

    async def step(self, *, everywhere: bool = True, take: bool = True) -> int:
        """One turn of the ledger, and the start of what it gave. How much that was."""
        self._news.clear()
        reports, self._reports = self._reports, []
        hinted, self._hinted = self._hinted, set()
        load = self._load()
        at = self._clock()

        def turn() -> list[Claimed]:
            if not take:
                ledger.record(claim=self.claim, at=at, reports=reports)
                return []
            return ledger.turn(
                claim=self.claim,
                at=at,
                reports=reports,
                load=load,
                workspaces=None if everywhere else hinted,
            )

        if not (everywhere or reports or hinted):
            return 0
        try:
            claimed = await self._in_thread(turn)
        except DatabaseError:
            self._reports = [*reports, *self._reports]
            raise
        self._start(claimed, load)
        return len(claimed)

    def _load(self) -> Load:
        lanes: dict[UUID, dict[str, int]] = defaultdict(dict)
        for (endpoint_id, key), lane in self._lanes.items():
            lanes[endpoint_id][key] = lane.room
        return Load(dict(self._in_flight), lanes)

    def _start(self, claimed: Collection[Claimed], load: Load) -> None:
        until = time.monotonic() + RUN_TIME
        for one in claimed:
            key = one.lane if one.ordered else str(one.delivery_id)
            lane = self._lanes.get((one.endpoint_id, key)) if one.ordered else None
            if lane is None and key in load.lanes.get(one.endpoint_id, {}):
                # It was to follow what the lane had in hand, and the lane has ended since: that
                # may have been a failure, so the next turn decides.
                self._reports.append(Report(one, None))
                self._news.set()
                continue
            if lane is None:
                lane = self._open(one.endpoint_id, key, one.ordered)
            lane.queue.append((one, until))

    def _open(self, endpoint_id: UUID, key: str, ordered: bool) -> Lane:
        lane = Lane(endpoint_id, key, ordered)
        self._in_flight[endpoint_id] += 1
        if ordered:
            self._lanes[endpoint_id, key] = lane
        task = asyncio.ensure_future(self._run_lane(lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return lane

    async def _run_lane(self, lane: Lane) -> None:
        """One after the other, up to the first failure; what is left is given back."""
        first = True
        try:
            while lane.queue:
                claimed, until = lane.queue[0]
                if not first and (self._stop.is_set() or time.monotonic() > until):
                    break
                first = False
                outcome = await self._send(claimed)
                lane.queue.popleft()
                self._report(Report(claimed, outcome))
                if not outcome.ok:
                    break
        finally:
            self._reports += [Report(claimed, None) for claimed, _until in lane.queue]
            self._ended(lane)

    async def _send(self, claimed: Claimed) -> Outcome:
        if claimed.parcel is None:
            return Outcome(
                ok=False, at=self._clock().timestamp(), duration_ms=0, error=claimed.problem
            )
        return await self._sender.send(claimed.parcel)

    def _report(self, report: Report) -> None:
        """Written down soon, also while the lane goes on; several in one turn."""
        self._reports.append(report)
        if len(self._reports) == 1:
            asyncio.get_running_loop().call_later(REPORT_DELAY, self._news.set)

    def _ended(self, lane: Lane) -> None:
        """The lane is free again: the next turn first writes its reports, then takes."""
        self._in_flight[lane.endpoint_id] -= 1
        if not self._in_flight[lane.endpoint_id]:
            del self._in_flight[lane.endpoint_id]
        if lane.ordered:
            self._lanes.pop((lane.endpoint_id, lane.key), None)
        self._news.set()

    async def settle(self) -> None:
        """Wait until everything in flight has ended, and write it down without taking more."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        await self.step(everywhere=False, take=False)

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=STOP_GRACE)
        for task in set(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(DatabaseError):
            await self.step(everywhere=False, take=False)
        await self.aclose()

    async def aclose(self) -> None:
        await self._in_thread(lambda: connection.close())  # of that thread
        self._thread.shutdown()

    def _release_dead(self) -> None:
        """What a worker of this machine held when it was killed need not wait for its lease."""
        dead = [claim for claim in ledger.claims() if claimants.is_dead(claim)]
        if ledger.release(dead, self._clock()):
            logger.info("webhooks: took over what a killed worker had in hand")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        def call() -> T:
            close_old_connections()
            return work()

        async with self._gate:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)


async def deliver(
    stop: asyncio.Event, gate: AbstractAsyncContextManager[Any] | None = None
) -> None:
    """A worker with this installation's settings."""
    allow_private = settings.WEBHOOK_ALLOW_PRIVATE
    pool = make_pool(allow_private=allow_private, proxy=settings.WEBHOOK_PROXY)
    try:
        sender = Sender(pool, allow_private=allow_private)
        await DeliveryWorker(stop, sender, gate=gate).run()
    finally:
        await close(pool)
