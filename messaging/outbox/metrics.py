"""Figures about sending, computed when somebody asks. No account and no workspace in a label.

Ends of messages are counted in memory and written by the dispatcher's sweep (`flush`): a counter
that every transaction wrote would be one row that all of them wait for.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

from django.db import transaction
from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sessions_mgr.states import Status as SessionStatus

from .. import tallies
from ..models import Outgoing

FAILURES = "send_failures"  # tallies, by code
OUTCOMES = "send_outcomes"  # by status
LATENCY = "send_latency"  # by bucket
SECONDS = "send_latency_seconds_total_ms"
BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)  # seconds from accepted to sent


_lock = threading.Lock()
_counted: Counter[tuple[str, str]] = Counter()


def count_outcome(status: str, code: str = "", *, seconds: float | None = None) -> None:
    """One message more, once the transaction is over. `seconds`: from accepted to sent."""
    found = {(OUTCOMES, status): 1}
    if code:
        found[FAILURES, code[:60]] = 1
    if seconds is not None:
        bucket = next((limit for limit in BUCKETS if seconds <= limit), None)
        found[LATENCY, "+Inf" if bucket is None else f"{bucket:g}"] = 1
        found[SECONDS, ""] = max(0, round(seconds * 1000))
    transaction.on_commit(lambda: _add(found), robust=True)


def _add(found: dict[tuple[str, str], int]) -> None:
    with _lock:
        _counted.update(found)


def flush() -> None:
    """Write down what was counted since the last time."""
    with _lock:
        found = dict(_counted)
        _counted.clear()
    for (name, label), count in sorted(found.items()):
        if count:
            tallies.count(name, label, count)


class OutboxCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        yield self._queued()
        yield self._oldest()
        yield self._outcomes()
        yield self._failures()
        yield self._latency()

    def _queued(self) -> Metric:
        """By the status of the account that they wait for."""
        family = GaugeMetricFamily(
            "switchboard_outbox_waiting",
            "Messages that wait to be sent, by the status of their account",
            labels=["session"],
        )
        rows = Outgoing.objects.waiting().values_list("account__session__status")
        counts = dict(rows.annotate(n=Count("pk")).order_by())
        for status in SessionStatus.values:
            family.add_metric([status], counts.get(status, 0))
        return family

    def _oldest(self) -> Metric:
        """Of connected accounts only: the others wait for their connection."""
        family = GaugeMetricFamily(
            "switchboard_outbox_lag_seconds",
            "Since when the oldest due message of a connected account waits",
        )
        now = timezone.now()
        oldest = (
            Outgoing.objects.waiting()
            .filter(account__session__status=SessionStatus.CONNECTED, not_before__lte=now)
            .aggregate(at=Min("not_before"))["at"]
        )
        family.add_metric([], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
        return family

    def _outcomes(self) -> Metric:
        family = CounterMetricFamily(
            "switchboard_outbox_messages", "Messages that came to an end", labels=["status"]
        )
        for status, count in sorted(tallies.read(OUTCOMES).items()):
            family.add_metric([status], count)
        return family

    def _failures(self) -> Metric:
        family = CounterMetricFamily(
            "switchboard_outbox_failures", "Messages that were not sent", labels=["code"]
        )
        for code, count in sorted(tallies.read(FAILURES).items()):
            family.add_metric([code], count)
        return family

    def _latency(self) -> Metric:
        family = HistogramMetricFamily(
            "switchboard_outbox_latency_seconds", "From accepted to taken by WhatsApp"
        )
        counts = tallies.read(LATENCY)
        total = 0
        buckets = []
        for label in (*(f"{limit:g}" for limit in BUCKETS), "+Inf"):
            total += counts.get(label, 0)
            buckets.append((label, total))
        family.add_metric([], buckets, tallies.read(SECONDS).get("", 0) / 1000)
        return family
