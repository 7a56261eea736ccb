"""Figures about sessions, computed from the database when somebody asks. No account in a label."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .bus import carriers, streams
from .bus.client import BusUnavailable, NoResponders
from .models import Session, WorkerExit
from .states import Status


class SessionCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        sessions = GaugeMetricFamily(
            "switchboard_sessions", "Accounts by session status", labels=["status"]
        )
        counts = dict(
            Session.objects.filter(account__deleted_at=None)
            .values_list("status")
            .annotate(n=Count("pk"))
        )
        for status in Status.values:
            sessions.add_metric([status], counts.get(status, 0))
        yield sessions
        exits = CounterMetricFamily(
            "switchboard_worker_exits", "Worker lives that ended, by cause", labels=["cause"]
        )
        for cause, n in WorkerExit.objects.values_list("cause").annotate(n=Count("pk")):
            exits.add_metric([cause], n)
        yield exits


def node_is_up() -> bool:
    """Whether any session node answers on the bus."""
    try:
        answer = carriers.current().request(streams.NODES, {"op": "ping"}, timeout=1.0)
    except (BusUnavailable, NoResponders, TimeoutError):
        return False
    return bool(answer.get("ok"))
