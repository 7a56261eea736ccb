"""How endpoints have been doing: the last 24 hours in quarters, the failure rate, the p95."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F

from .models import Attempt, Quarter

QUARTER = timedelta(minutes=15)
QUARTERS = 96
LOOKED_AT = 500  # the newest attempts, for the p95


@dataclass
class Day:
    """`quarters`: (succeeded, failed) by place, 0 is the oldest of the 96."""

    start: datetime
    quarters: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def succeeded(self) -> int:
        return sum(good for good, _bad in self.quarters.values())

    @property
    def failed(self) -> int:
        return sum(bad for _good, bad in self.quarters.values())

    @property
    def success_rate(self) -> float | None:
        """Percent; None without an attempt."""
        every = self.succeeded + self.failed
        return 100 * self.succeeded / every if every else None


def quarter_of(at: datetime) -> datetime:
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def count(endpoint_id: UUID, at: datetime, results: Sequence[bool]) -> None:
    good = sum(results)
    bad = len(results) - good
    mine = Quarter.objects.filter(endpoint_id=endpoint_id, start=quarter_of(at))
    if not mine.update(succeeded=F("succeeded") + good, failed=F("failed") + bad):
        # The endpoint's row is locked by the caller, so nobody else makes this one.
        Quarter.objects.create(
            endpoint_id=endpoint_id, start=quarter_of(at), succeeded=good, failed=bad
        )


def days(endpoint_ids: Collection[UUID], now: datetime) -> dict[UUID, Day]:
    start = quarter_of(now) - (QUARTERS - 1) * QUARTER
    found: dict[UUID, Day] = defaultdict(lambda: Day(start))
    for row in Quarter.objects.filter(endpoint_id__in=endpoint_ids, start__gte=start):
        place = (row.start - start) // QUARTER
        found[row.endpoint_id].quarters[place] = (row.succeeded, row.failed)
    return found


def p95_ms(endpoint_id: UUID, now: datetime) -> int | None:
    """Of the newest attempts of the last 24 hours, in milliseconds, nearest rank."""
    recent = Attempt.objects.filter(endpoint_id=endpoint_id, at__gte=now - timedelta(days=1))
    durations = sorted(recent.order_by("-at").values_list("duration_ms", flat=True)[:LOOKED_AT])
    return durations[math.ceil(0.95 * len(durations)) - 1] if durations else None
