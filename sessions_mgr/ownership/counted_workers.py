"""The processes of a node, counted on their way: how many starts, and how long each took."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from ..supervision.contracts import Assignment, Ended, Heard, Workers

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds, upper bounds


class CountedWorkers:
    """Workers that pass everything on. A start takes from the order to the first sign of life."""

    def __init__(self, inner: Workers, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._clock = clock
        self._starting: dict[UUID, float] = {}
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0
        self.starts_total = 0

    def spawn(self, account: UUID, assignment: Assignment) -> None:
        self._inner.spawn(account, assignment)
        self.starts_total += 1
        self._starting[account] = self._clock()

    def stop(self, account: UUID) -> None:
        self._inner.stop(account)

    def unlink(self, account: UUID) -> None:
        self._inner.unlink(account)

    def kill(self, account: UUID) -> None:
        self._inner.kill(account)

    def poll(self, timeout: float) -> Sequence[Heard | Ended]:
        reports = self._inner.poll(timeout)
        for report in reports:
            began = self._starting.pop(report.account, None)
            if began is not None and isinstance(report, Heard):
                took = self._clock() - began
                self._sum += took
                self._counts[bisect_left(BUCKETS, took)] += 1
        return reports

    def wake(self) -> None:
        self._inner.wake()

    def figures(self) -> dict[str, Any]:
        """`start_seconds.buckets` are cumulative, by upper bound, as Prometheus has them."""
        buckets: dict[str, int] = {}
        total = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self._counts, strict=True):
            total += count
            buckets[bound] = total
        return {
            "starting": len(self._starting),
            "starts_total": self.starts_total,
            "start_seconds": {"count": total, "sum": round(self._sum, 6), "buckets": buckets},
        }
