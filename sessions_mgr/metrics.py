"""Figures about sessions, computed when somebody asks. No account and no workspace in a label.

What the database knows is counted there; what only nodes know they answer over the bus, and a node
or bus that is away is itself a figure. docs/operations.md says what each one means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, QuerySet
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from . import assignments, snapshots
from .bus import carriers, streams
from .bus.client import BusUnavailable, NoResponders
from .models import PastCount, Session, StatusChange, WorkerExit
from .states import Status

NODES_ANSWER_WITHIN = 0.4  # seconds; a scrape waits this long
LAG_SUBJECT = f"$JS.API.CONSUMER.INFO.{streams.EVENTS}.{streams.INGEST}"


class SessionCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        yield _sessions()
        yield _restore()
        yield _exits()
        yield _reconnects()
        yield _store_bytes()
        yield from _bus()
        yield from _nodes(node_stats())


def _sessions() -> Metric:
    family = GaugeMetricFamily(
        "switchboard_sessions", "Accounts by session status", labels=["status"]
    )
    counts = dict(
        Session.objects.filter(account__deleted_at=None)
        .values_list("status")
        .annotate(n=Count("pk"))
    )
    for status in Status.values:
        family.add_metric([status], counts.get(status, 0))
    return family


def _restore() -> Metric:
    family = GaugeMetricFamily(
        "switchboard_restore", "Linked numbers: wanted, connected, waiting", labels=["part"]
    )
    for part, count in assignments.restore_progress().items():
        family.add_metric([part], float(count))  # type: ignore[arg-type]  # numbers of a TypedDict
    return family


def _exits() -> Metric:
    family = CounterMetricFamily(
        "switchboard_worker_exits", "Worker lives that ended, by cause", labels=["cause"]
    )
    for cause, n in _counted(WorkerExit.objects.values_list("cause"), PastCount.EXITS).items():
        family.add_metric([cause], n)
    return family


def _reconnects() -> Metric:
    family = CounterMetricFamily(
        "switchboard_reconnects", "Times that a number lost its line, by reason", labels=["reason"]
    )
    lost = StatusChange.objects.filter(to_status=Status.RECONNECTING)
    for reason, n in _counted(lost.values_list("reason_code"), PastCount.RECONNECTS).items():
        family.add_metric([reason or "none"], n)
    return family


def _counted(rows: QuerySet[Any, Any], metric: str) -> Counter[str]:
    """Rows by label, with those that retention removed. In one query: between two it could remove
    some, and a counter that goes back looks like a restart."""
    past = PastCount.objects.filter(metric=metric).values_list("label", "count")
    found: Counter[str] = Counter()
    for label, n in rows.annotate(n=Count("pk")).order_by().union(past, all=True):
        found[label] += n
    return found


def _store_bytes() -> Metric:
    family = GaugeMetricFamily(
        "switchboard_store_bytes",
        "Bytes of session folders on this machine, by kind",
        labels=["kind"],
    )
    for kind, size in snapshots.usage().items():
        family.add_metric([kind], size)
    return family


def _bus() -> Iterator[Metric]:
    lag = GaugeMetricFamily(
        "switchboard_ingest_waiting", "Facts in the stream that are not in the database yet"
    )
    up = GaugeMetricFamily("switchboard_bus_up", "Whether the bus answers")
    try:
        info = carriers.current().request(LAG_SUBJECT, {}, timeout=1.0)
        up.add_metric([], 1)
        lag.add_metric([], float(info.get("num_pending", 0)) + info.get("num_ack_pending", 0))
    except (BusUnavailable, NoResponders, TimeoutError):
        up.add_metric([], 0)
    yield up
    yield lag


def _nodes(stats: list[dict[str, Any]]) -> Iterator[Metric]:
    gauges = {
        "workers": "Workers that run on this node",
        "rss_bytes": "Resident memory of this node's workers together, shared pages counted anew",
        "starting": "Numbers that wait for a start",
        "resting": "Numbers that wait after a failure",
    }
    for name, meaning in gauges.items():
        family = GaugeMetricFamily(f"switchboard_node_{name}", meaning, labels=["node"])
        for answer in stats:
            family.add_metric([answer["node"]], answer.get(name, 0))
        yield family
    draining = GaugeMetricFamily(
        "switchboard_node_draining", "1 while a node hands its numbers over", labels=["node"]
    )
    starts = HistogramMetricFamily(
        "switchboard_session_start_seconds", "From a start until the worker is up", labels=["node"]
    )
    for answer in stats:
        draining.add_metric([answer["node"]], 1 if answer.get("draining") else 0)
        if seconds := answer.get("start_seconds"):
            buckets = list(seconds["buckets"].items())
            starts.add_metric([answer["node"]], buckets=buckets, sum_value=seconds["sum"])
    yield draining
    yield starts


def node_stats() -> list[dict[str, Any]]:
    """What each living node says of itself; empty when none does."""
    try:
        return carriers.current().request_all(streams.NODES_STATS, {}, NODES_ANSWER_WITHIN)
    except BusUnavailable:
        return []


def node_is_up() -> bool:
    """Whether any session node answers on the bus."""
    try:
        answer = carriers.current().request(streams.NODES, {"op": "ping"}, timeout=1.0)
    except (BusUnavailable, NoResponders, TimeoutError):
        return False
    return bool(answer.get("ok"))
