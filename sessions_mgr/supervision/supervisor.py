"""Keeps one worker per wanted account. One turn of the loop: reap, look, plan, act, wait.

The supervisor owns processes and nothing else. What should run, and what became of it, is the
registry's business (the database); how processes start and end is the workers' (a zygote). Both
are handed in. All of it runs on one thread; hints and signals only queue, and they wake the loop
at once. `wanted` is polled anyway, so a lost hint costs seconds and nothing else.
"""

from __future__ import annotations

import logging
import random
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from queue import Empty, SimpleQueue
from uuid import UUID

from ..lines import about
from ..worker import exits
from .contracts import End, Ended, Heard, Registry, Workers
from .plan import (
    Facts,
    FinishUnlink,
    GiveUp,
    Kill,
    Limits,
    Order,
    Rest,
    Running,
    Spawn,
    StartRate,
    Stop,
    Unlink,
    Wanted,
    next_moment,
    plan,
    rest_after,
)

logger = logging.getLogger(__name__)

SPAWN_FAILED = "spawn_failed"
HUNG = "hung"  # what we call the end of a worker that we had to kill
STEADY = 20.0  # seconds of life after which the next rest is a short one again
PROVEN = 300.0  # seconds of life after which former crashes are forgiven
POLL = 2.0  # seconds between two looks at what is wanted
DRAIN_GRACE = 6.0
FINAL = frozenset(exits.describe(code) for code in exits.FINAL)
# Ends that say nothing against the worker: they lengthen the rest and spare the crash budget.
NOT_A_CRASH = frozenset({"line_unreachable", "stopped", SPAWN_FAILED})


class Supervisor:
    def __init__(
        self,
        *,
        registry: Registry,
        workers: Workers,
        limits: Limits | None = None,
        rate: StartRate | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.registry = registry
        self.workers = workers
        self.limits = limits or Limits()
        self.rate = rate or StartRate()
        self.clock = clock
        self.jitter = jitter
        self.wanted: dict[UUID, Wanted] = {}
        self.running: dict[UUID, Running] = {}
        self.resting: dict[UUID, Rest] = {}
        self.unlink_asked: dict[UUID, float] = {}
        self.hurried: set[UUID] = set()
        self.untold: deque[tuple[UUID, Callable[[], None]]] = deque()
        self.draining = False
        self.look_at = float("-inf")  # when `wanted` is to be read next
        # SimpleQueue.put is reentrant, so a signal handler may call it.
        self.inbox: SimpleQueue[UUID | signal.Signals | None] = SimpleQueue()
        self.killed_for: dict[UUID, str] = {}
        self.known: dict[UUID, Wanted] = {}  # also of those that run and are wanted no more

    def about(self, account: UUID) -> dict[str, str | int]:
        """The fields of a log line about one account."""
        known, worker = self.known.get(account), self.running.get(account)
        return about(
            account,
            workspace=known.workspace_id if known else None,
            epoch=worker.epoch if worker else known.epoch if known else None,
        )

    # From other threads -----------------------------------------------------------------------

    def hint(self, account: UUID | None = None) -> None:
        """Look now; if an account is named, a person waits for it."""
        self.inbox.put(account)
        self.workers.wake()

    def drain(self) -> None:
        """Stop all workers, then `run` returns. What is wanted stays wanted."""
        self.inbox.put(signal.SIGTERM)
        self.workers.wake()

    def replace_all(self, why: str) -> None:
        """Stop every worker, gracefully; what is wanted gets a new one. From the loop's thread."""
        for account, worker in list(self.running.items()):
            if worker.stopping_since is None:
                self.act(Stop(account, why))

    # The loop ---------------------------------------------------------------------------------

    def run(self) -> None:
        with self.listening():
            while not (self.draining and not self.running):
                self.tick()
                self.reap(self.workers.poll(self.patience()))
        self.tell()

    def tick(self) -> None:
        """Everything that is due now."""
        self.reap(self.workers.poll(0.0))
        self.read_inbox()
        self.tell()
        self.look()
        for order in plan(self.facts(), self.limits, self.clock()):
            self.act(order)

    def facts(self) -> Facts:
        unsettled = {account for account, _ in self.untold}
        wanted = {} if self.draining else self.wanted
        return Facts(
            wanted={a: w for a, w in wanted.items() if a not in unsettled},
            running=self.running,
            resting=self.resting,
            unlink_asked=self.unlink_asked,
            hurried=self.hurried,
            starts_allowed=self.rate.allowed(self.clock()),
        )

    def patience(self) -> float:
        """Seconds until time alone gives a reason to look again."""
        now = self.clock()
        facts = self.facts()
        moments = [self.look_at, next_moment(facts, self.limits, now)]
        if facts.starts_allowed < 1 and facts.wanted.keys() - facts.running.keys():
            moments.append(self.rate.next_token(now))
        return max(0.0, min(moments) - now)

    def read_inbox(self) -> None:
        while True:
            try:
                news = self.inbox.get_nowait()
            except Empty:
                return
            self.look_at = float("-inf")
            if isinstance(news, signal.Signals) and not self.draining:
                logger.info("%s: stopping %d workers", news.name, len(self.running))
                self.draining = True
                self.limits = replace(self.limits, grace=min(self.limits.grace, DRAIN_GRACE))
            elif isinstance(news, UUID):
                self.hurried.add(news)
                self.resting.pop(news, None)  # a person asked: former failures do not count

    def look(self) -> None:
        """Read what is wanted, if it is time. An unreadable database changes nothing."""
        now = self.clock()
        if now < self.look_at or self.draining:
            return
        self.look_at = now + POLL
        try:
            self.wanted = dict(self.registry.wanted())
        except Exception:
            logger.exception("cannot read what is wanted; what runs, runs on")
            return
        self.known = {a: self.known[a] for a in self.running if a in self.known} | self.wanted
        self.hurried &= self.wanted.keys() - self.running.keys()
        for account in self.resting.keys() - self.wanted.keys():
            del self.resting[account]
        asked = {a for a, wanted in self.wanted.items() if wanted.mode == "unlink"}
        self.unlink_asked = {a: self.unlink_asked.get(a, now) for a in asked}

    def tell(self) -> None:
        """Report what could not be reported before, in order, until it works."""
        while self.untold:
            account, report = self.untold[0]
            try:
                report()
            except Exception:
                logger.exception("cannot report its end yet", extra=self.about(account))
                # Never later than it was: a report that fails must not keep us from looking.
                self.look_at = min(self.look_at, self.clock() + 1.0)
                return
            self.untold.popleft()

    # Acting -------------------------------------------------------------------------------------

    def act(self, order: Order) -> None:
        now = self.clock()
        match order:
            case Spawn(account):
                self.spawn(account)
            case Stop(account, why):
                logger.info("stopping its worker: %s", why, extra=self.about(account))
                self.running[account] = replace(self.running[account], stopping_since=now)
                self.workers.stop(account)
            case Unlink(account):
                self.running[account] = replace(self.running[account], unlinking_since=now)
                self.workers.unlink(account)
            case Kill(account, why):
                logger.warning("killing its worker: %s", why, extra=self.about(account))
                self.running[account] = replace(self.running[account], killed=True)
                self.killed_for[account] = why
                self.workers.kill(account)
            case GiveUp(account, _, code, detail):
                logger.error("giving up (%s): %s", code, detail, extra=self.about(account))
                self.settle(account, lambda: self.registry.gave_up(order))
            case FinishUnlink(account, epoch):
                logger.warning(
                    "WhatsApp could not be told of the unlink", extra=self.about(account)
                )
                self.settle(account, lambda: self.registry.unlinked(account, epoch))

    def spawn(self, account: UUID) -> None:
        wanted = self.wanted[account]
        self.rate.take()
        self.hurried.discard(account)
        try:
            assignment = self.registry.assign(account, wanted)
        except Exception:
            logger.exception("no assignment", extra=self.about(account))
            self.rest(account, wanted.epoch, SPAWN_FAILED, lived=0.0)
            return
        if assignment is None:
            logger.info("somebody else was faster", extra=self.about(account))
            del self.wanted[account]  # the next look tells what it has become
            return
        self.wanted[account] = replace(wanted, epoch=assignment.epoch)
        if rest := self.resting.get(account):
            self.resting[account] = replace(rest, epoch=assignment.epoch)
        now = self.clock()
        unlinking = now if wanted.mode == "unlink" else None
        worker = Running(assignment.epoch, started=now, heard=now, unlinking_since=unlinking)
        try:
            self.workers.spawn(account, assignment)
        except Exception as exc:
            logger.exception("could not start a worker", extra=self.about(account))
            self.running[account] = worker
            self.bury(worker, Ended(account, None, SPAWN_FAILED, str(exc)))
            return
        self.running[account] = worker
        logger.info("worker started", extra=self.about(account))

    def reap(self, reports: Sequence[Heard | Ended]) -> None:
        for report in reports:
            worker = self.running.get(report.account)
            if worker is None:
                continue
            if isinstance(report, Heard):
                self.running[report.account] = replace(
                    worker, heard=self.clock(), rss_bytes=report.rss_bytes or worker.rss_bytes
                )
            else:
                self.bury(worker, report)

    def bury(self, worker: Running, report: Ended) -> None:
        """A worker is gone: say how, and decide when another may follow."""
        account = report.account
        fields = self.about(account)
        del self.running[account]
        name = exits.describe(report.status) if report.status is not None else report.said
        name = name or "unknown"
        detail = report.detail
        if why := self.killed_for.pop(account, ""):
            name, detail = HUNG, why
        lived = self.clock() - worker.started
        logger.info("worker ended: %s after %.1f s", name, lived, extra=fields)
        wanted = self.wanted.get(account)
        if wanted and wanted.mode == "unlink" and name in ("unlinked", "logged_out"):
            self.settle(account, lambda: self.registry.unlinked(account, wanted.epoch))
            return
        final = name in FINAL
        retry_in: float | None = None
        if worker.stopping_since is None:
            rest = self.rest(account, worker.epoch, name, lived)
            if not final and wanted is not None and rest.crashes < self.limits.crash_budget:
                retry_in = max(0.0, rest.until - self.clock())
        end = End(worker.epoch, name, detail, final, retry_in)
        self.settle(account, lambda: self.registry.ended(account, end), forget=final)

    def rest(self, account: UUID, epoch: int, name: str, lived: float) -> Rest:
        """Note a failure. A final end counts too: wanted again at once, it must not spin."""
        before = self.resting.get(account)
        failures, crashes = (before.failures, before.crashes) if before else (0, 0)
        failures = 1 if lived >= STEADY else failures + 1
        crashes = 0 if lived >= PROVEN else crashes
        crashes += 0 if name in NOT_A_CRASH else 1
        until = self.clock() + rest_after(failures, self.jitter())
        self.resting[account] = Rest(epoch, until, failures, crashes, name)
        return self.resting[account]

    def settle(self, account: UUID, report: Callable[[], None], *, forget: bool = True) -> None:
        """Report, now or later. `forget`: it is not wanted until the next look says so."""
        if forget:
            self.wanted.pop(account, None)
        self.untold.append((account, report))
        self.tell()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Queue signals for the loop, and put the old handlers back after."""

        def queue(number: int, _frame: object) -> None:
            self.inbox.put(signal.Signals(number))
            self.workers.wake()

        before = {s: signal.signal(s, queue) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
