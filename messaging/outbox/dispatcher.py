"""The dispatcher of a pipeline process: holds accounts, and sends what is due. Any number may run.

One loop looks at the ledger; each message runs in a thread of its own, at most one per chat, LANES
per account and AT_ONCE in all. Hints wake it at once and it looks by itself every POLL seconds, so
a lost hint costs no more than that.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, close_old_connections, connections
from django.utils import timezone

from sessions_mgr import claimants, commands

from ..models import Outgoing, Pacing
from . import downloads, ledger, metrics, wakeups
from .courier import Ask, Courier

logger = logging.getLogger(__name__)

POLL = 0.5  # seconds between looks without a hint
SWEEP = 5.0  # seconds between looks for what has waited too long
RETRY_DELAY = 1.0  # seconds after the database refused a turn
AT_ONCE = 24  # messages under way in this process
LANES = 4  # of them for one account
DOWNLOADS = 6  # files under way
STOP_GRACE = 3.0  # seconds that messages under way get at the end

T = TypeVar("T")


class Dispatcher:
    """`run` until `stop` is set. Tests drive `step` with a clock and a worker of their own."""

    def __init__(
        self,
        stop: asyncio.Event,
        *,
        ask: Ask = commands.ask,
        clock: Callable[[], datetime] = timezone.now,
        rest: Callable[[float], None] = time.sleep,
        gate: AbstractAsyncContextManager[Any] | None = None,
    ) -> None:
        """`gate` is held around each look, where writers of one process must take turns."""
        self._stop, self._clock = stop, clock
        self._courier = Courier(ask, clock, rest)
        self._gate = gate or nullcontext()
        self.holder = claimants.new()
        self._news = asyncio.Event()
        self._busy: dict[UUID, dict[str, UUID]] = defaultdict(dict)  # account, lane: message
        self._held: dict[UUID, datetime] = {}  # account: until
        self._tasks: set[asyncio.Task[None]] = set()
        self._downloads: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="outbox")
        self._ledger = ThreadPoolExecutor(1, thread_name_prefix="outbox-ledger")

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        stopper = asyncio.ensure_future(self._stop.wait())
        stopper.add_done_callback(lambda _: self._news.set())

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._news.set)

        heard = await loop.run_in_executor(self._threads, lambda: wakeups.hear(wake))
        logger.info("outbox: dispatching (%s)", "hints and polls" if heard else "polls only")
        try:
            await self._in_ledger(self._take_over_dead)
            await self._loop()
        finally:
            stopper.cancel()
            await self._finish()

    async def _loop(self) -> None:
        next_sweep = 0.0
        while not self._stop.is_set():
            try:
                if time.monotonic() >= next_sweep:
                    next_sweep = time.monotonic() + SWEEP
                    await self.sweep()
                await self.step()
            except DatabaseError as exc:
                logger.warning("outbox: the database refused a turn: %s", exc)
                await self._pause(RETRY_DELAY)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), POLL)

    async def sweep(self) -> None:
        """End what has waited too long or can no longer go."""
        at = self._clock()
        busy = [message for lanes in self._busy.values() for message in lanes.values()]

        def end() -> None:
            ledger.expire(at, busy=busy)
            ledger.give_up_on_gone_sessions(at)
            metrics.flush()

        await self._in_ledger(end)

    async def step(self) -> int:
        """Start everything that is due and has room. How many messages and files were started."""
        self._news.clear()
        at = self._clock()
        room = DOWNLOADS - len(self._downloads)
        jobs = []
        if room > 0:
            jobs = await self._in_ledger(
                lambda: downloads.take(claim=self.holder, at=at, room=room)
            )
        for job in jobs:
            self._spawn(self._downloads, downloads.run(job, claim=self.holder, clock=self._clock))
        chosen = await self._in_ledger(lambda: self._choose(at))
        for outgoing in chosen:
            self._busy[outgoing.account_id][outgoing.lane] = outgoing.message_id
            self._spawn(self._tasks, self._deliver(outgoing))
        return len(jobs) + len(chosen)

    def _choose(self, at: datetime) -> list[Outgoing]:
        for account_id in list(self._busy):  # keep what is under way
            self._hold(account_id, at)
        chosen: list[Outgoing] = []
        for account_id in ledger.accounts_to_serve(at):
            busy = dict(self._busy.get(account_id, {}))
            room = min(LANES - len(busy), AT_ONCE - len(self._tasks) - len(chosen))
            if room <= 0 or not self._hold(account_id, at):
                continue
            chosen += ledger.heads(account_id, at=at, busy=busy, room=room)
        return chosen

    def _hold(self, account_id: UUID, at: datetime) -> bool:
        """Ours for at least half a lease more; written down only when it is needed."""
        if self._held.get(account_id, at) > at + ledger.LEASE / 2:
            return True
        self._held.pop(account_id, None)
        if not ledger.hold(account_id, self.holder, at):
            return False
        self._held[account_id] = at + ledger.LEASE
        return True

    async def _deliver(self, outgoing: Outgoing) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._threads, lambda: self._in_thread(outgoing))
        except DatabaseError as exc:
            logger.warning("outbox: the database refused: %s", exc)
            await self._pause(RETRY_DELAY)
        except Exception:
            # Neither sent nor refused as far as we know: what is in the rows decides what is next.
            logger.exception(
                "outbox: a message could not be handled",
                extra={"message_id": str(outgoing.message_id)},
            )
            await self._in_ledger(lambda: self._later(outgoing))
        finally:
            lanes = self._busy[outgoing.account_id]
            lanes.pop(outgoing.lane, None)
            if not lanes:
                self._busy.pop(outgoing.account_id, None)
            self._news.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    def _in_thread(self, outgoing: Outgoing) -> None:
        close_old_connections()
        try:
            self._courier.deliver(outgoing)
        finally:
            close_old_connections()

    def _later(self, outgoing: Outgoing) -> None:
        fresh = Outgoing.objects.waiting().filter(pk=outgoing.pk).first()
        if fresh is not None:
            ledger.wait_a_moment(
                fresh, at=self._clock(), code="internal", detail="Trouble on our side; see the log."
            )

    def _spawn(self, tasks: set[asyncio.Task[None]], work: Any) -> None:
        task = asyncio.ensure_future(work)
        tasks.add(task)

        def ended(done: asyncio.Task[None]) -> None:
            tasks.discard(done)
            self._news.set()
            if not done.cancelled() and done.exception() is not None:
                logger.error("outbox: a file could not be handled", exc_info=done.exception())

        task.add_done_callback(ended)

    async def settle(self) -> None:
        """Wait until everything under way has ended."""
        while self._tasks or self._downloads:
            await asyncio.wait(self._tasks | self._downloads)

    async def _finish(self) -> None:
        under_way = self._tasks | self._downloads
        if under_way:
            await asyncio.wait(under_way, timeout=STOP_GRACE)
        for task in self._tasks | self._downloads:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._downloads, return_exceptions=True)
        with suppress(DatabaseError):
            await self._in_ledger(lambda: ledger.release(self.holder))
        await self.aclose()

    async def aclose(self) -> None:
        await self._in_ledger(connections.close_all)
        self._ledger.shutdown()
        # A thread may still wait for an answer; its message is in doubt and asked for again.
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_ledger(self, work: Callable[[], T]) -> T:
        def call() -> T:
            close_old_connections()
            return work()

        async with self._gate:
            return await asyncio.get_running_loop().run_in_executor(self._ledger, call)

    def _take_over_dead(self) -> None:
        """Accounts that a dead process of this machine held need not wait for its lease."""
        for holder in set(Pacing.objects.exclude(holder="").values_list("holder", flat=True)):
            if claimants.is_dead(holder):
                ledger.release(holder)


async def dispatch(
    stop: asyncio.Event, gate: AbstractAsyncContextManager[Any] | None = None
) -> None:
    """A dispatcher with this installation's settings."""
    await Dispatcher(stop, gate=gate).run()
