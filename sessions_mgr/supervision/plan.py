"""Decides; never acts. Facts in, orders out, so every case is a plain unit test.

Times are seconds of a monotonic clock. An account never has two workers: nothing is spawned for an
account that is in `running`, whatever else is true of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

Mode = Literal["connect", "unlink"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the database says about one account that should run."""

    workspace_id: UUID
    epoch: int
    mode: Mode = "connect"
    proxy_url: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """One worker process, as far as the supervisor knows it."""

    epoch: int
    started: float
    heard: float  # when it last said anything
    stopping_since: float | None = None
    unlinking_since: float | None = None
    killed: bool = False
    rss_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Rest:
    """An account that failed under `epoch` and waits; a newer epoch is a clean slate."""

    epoch: int
    until: float
    failures: int = 1  # they set the length of the rest
    crashes: int = 0  # they use up the budget; an unreachable line does not
    last_exit: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    grace: float = 6.0  # seconds between "please stop" and "die"
    silence: float = 30.0  # seconds without a heartbeat until a worker counts as hung
    unlink: float = 20.0  # seconds that telling WhatsApp may take
    crash_budget: int = 8
    rss_bytes: int = 400 * 2**20  # a worker that grew past this is replaced, gracefully


@dataclass(frozen=True, slots=True)
class Facts:
    wanted: Mapping[UUID, Wanted]
    running: Mapping[UUID, Running]
    resting: Mapping[UUID, Rest] = field(default_factory=dict)
    unlink_asked: Mapping[UUID, float] = field(default_factory=dict)
    hurried: Set[UUID] = frozenset()  # a person waits for these: first in line
    starts_allowed: int = 1_000_000  # what the start rate leaves right now


@dataclass(frozen=True, slots=True)
class Spawn:
    account: UUID


@dataclass(frozen=True, slots=True)
class Stop:
    account: UUID
    why: str = ""


@dataclass(frozen=True, slots=True)
class Unlink:
    account: UUID


@dataclass(frozen=True, slots=True)
class Kill:
    account: UUID
    why: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    account: UUID
    epoch: int
    code: Literal["crash_loop", "internal"]
    detail: str


@dataclass(frozen=True, slots=True)
class FinishUnlink:
    """WhatsApp could not be told in time; the link ends on our side alone."""

    account: UUID
    epoch: int


Order = Spawn | Stop | Unlink | Kill | GiveUp | FinishUnlink


def plan(facts: Facts, limits: Limits, now: float) -> list[Order]:
    orders: list[Order] = []
    for account, worker in facts.running.items():
        order = _for_running(account, worker, facts, limits, now)
        if order is not None:
            orders.append(order)

    starts = facts.starts_allowed
    absent = facts.wanted.keys() - facts.running.keys()
    for account in sorted(absent, key=lambda a: (a not in facts.hurried, a)):
        order = _for_absent(account, facts, limits, now)
        if isinstance(order, Spawn):
            if starts < 1:
                continue
            starts -= 1
        if order is not None:
            orders.append(order)
    return orders


def _for_running(
    account: UUID, worker: Running, facts: Facts, limits: Limits, now: float
) -> Order | None:
    if worker.killed:
        return None  # only its end can follow
    if worker.stopping_since is not None:
        if now - worker.stopping_since >= limits.grace:
            return Kill(account, f"did not stop within {limits.grace:g} s")
        return None
    if now - worker.heard >= limits.silence:
        return Kill(account, f"silent for {now - worker.heard:.0f} s")
    wanted = facts.wanted.get(account)
    if wanted is None:
        return Stop(account, "no longer wanted")
    if wanted.mode == "unlink":
        if worker.unlinking_since is None:
            return Unlink(account)
        if now - worker.unlinking_since >= limits.unlink:
            return Stop(account, "could not unlink in time")
        return None
    if wanted.epoch != worker.epoch:
        return Stop(account, f"epoch {worker.epoch} is over")
    if worker.rss_bytes > limits.rss_bytes:
        return Stop(account, f"grew to {worker.rss_bytes >> 20} MiB")
    return None


def _for_absent(account: UUID, facts: Facts, limits: Limits, now: float) -> Order | None:
    wanted = facts.wanted[account]
    asked = facts.unlink_asked.get(account)
    if wanted.mode == "unlink" and asked is not None and now - asked >= limits.unlink:
        return FinishUnlink(account, wanted.epoch)
    rest = facts.resting.get(account)
    if rest is None or rest.epoch != wanted.epoch:
        return Spawn(account)
    if rest.crashes >= limits.crash_budget and wanted.mode == "connect":
        code: Literal["crash_loop", "internal"] = (
            "internal" if rest.last_exit == "internal" else "crash_loop"
        )
        detail = f"{rest.crashes} starts failed, the last one with {rest.last_exit}"
        return GiveUp(account, wanted.epoch, code, detail)
    return Spawn(account) if now >= rest.until else None


def next_moment(facts: Facts, limits: Limits, now: float) -> float:
    """When time alone next changes the plan (an account rested, a grace is over).

    Never in the past by much: a moment that passed is already in `plan`.
    """
    moments = [now + 60.0]
    for worker in facts.running.values():
        if worker.killed:
            continue
        if worker.stopping_since is not None:
            moments.append(worker.stopping_since + limits.grace)
        else:
            moments.append(worker.heard + limits.silence)
            if worker.unlinking_since is not None:
                moments.append(worker.unlinking_since + limits.unlink)
    for account in facts.wanted.keys() - facts.running.keys():
        if rest := facts.resting.get(account):
            moments.append(rest.until)
        if (asked := facts.unlink_asked.get(account)) is not None:
            moments.append(asked + limits.unlink)
    return min(moments)


def rest_after(failures: int, jitter: float) -> float:
    """1, 2, 4 ... 300 seconds, each up to a quarter longer. `jitter` is from 0 to 1."""
    return min(300.0, 2.0 ** min(failures - 1, 9)) * (1.0 + 0.25 * jitter)


@dataclass(slots=True)
class StartRate:
    """A token bucket: a mass restart is a ramp and not a stampede."""

    burst: int = 10
    per_second: float = 5.0
    tokens: float = field(init=False)
    filled: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.tokens = float(self.burst)

    def allowed(self, now: float) -> int:
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.per_second)
        self.filled = now
        return int(self.tokens + 1e-9)

    def take(self) -> None:
        self.tokens -= 1.0

    def next_token(self, now: float) -> float:
        """When one more start will be allowed."""
        missing = max(0.0, 1.0 - self.tokens)
        return now + missing / self.per_second
