"""Figures about files, counted in the database when somebody asks. No account in a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db.models import Count, Min, Sum
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..models import HeldFact, Media, MediaState


class MediaCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        yield _files()
        yield _failures()
        yield _bytes()
        yield _waiting()
        yield _held()


def _files() -> Metric:
    family = GaugeMetricFamily("switchboard_media_files", "Files kept, by state", labels=["state"])
    counts = dict(Media.objects.values_list("state").annotate(n=Count("pk")).order_by())
    for state in MediaState.values:
        family.add_metric([state], counts.get(state, 0))
    return family


def _failures() -> Metric:
    """What is gone or given up, and what its last try failed of while it waits for the next."""
    family = GaugeMetricFamily(
        "switchboard_media_download_failures",
        "Files that could not be fetched (so far), by state and reason",
        labels=["state", "code"],
    )
    rows = (
        Media.objects.exclude(error=None)
        .values_list("state", "error__code")
        .annotate(n=Count("pk"))
        .order_by()
    )
    counts: Counter[tuple[str, str]] = Counter()
    for state, code, n in rows:
        counts[state, str(code)] += n
    for (state, code), n in sorted(counts.items()):
        family.add_metric([state, code], n)
    return family


def _bytes() -> Metric:
    family = GaugeMetricFamily("switchboard_media_bytes", "Bytes of the files that are stored")
    stored = Media.objects.filter(state=MediaState.STORED).aggregate(n=Sum("size"))["n"]
    family.add_metric([], float(stored or 0))
    return family


def _waiting() -> Metric:
    family = GaugeMetricFamily(
        "switchboard_media_lag_seconds", "Since when the oldest file that is due waits"
    )
    now = timezone.now()
    due = Media.objects.filter(state=MediaState.PENDING, next_try_at__lte=now).exclude(locator="")
    oldest = due.aggregate(at=Min("next_try_at"))["at"]
    family.add_metric([], (now - oldest).total_seconds() if oldest else 0.0)
    return family


def _held() -> Metric:
    family = GaugeMetricFamily(
        "switchboard_held_facts", "Reactions, edits and receipts whose message has not come"
    )
    family.add_metric([], HeldFact.objects.count())
    return family
