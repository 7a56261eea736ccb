"""Figures about pictures, contacts and messages. No account, no person and no workspace in a label.

Counted in the database (tallies.py), so every process tells the same. The names with
`whatsapp_web_` are those of the incident reports that asked for them; docs/operations.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from . import tallies
from .models import Avatar, Enrichment, UnreadFact

# What may become of a question for a picture.
FETCH_STATUSES = ("success", "unchanged", "none", "error", "timeout", "panic", "unavailable")
ENDPOINTS = ("contact_info", "avatar")


class MessagingCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        yield _labelled(
            "whatsapp_avatar_fetch",
            "Questions for a profile picture, by what became of them",
            "status",
            {**dict.fromkeys(FETCH_STATUSES, 0), **tallies.read(tallies.AVATAR_FETCHES)},
        )
        panics = tallies.read(tallies.AVATAR_PANICS).get("", 0)
        for name in ("whatsapp_avatar_fetch_panics", "whatsapp_web_avatar_fetch_panics"):
            family = CounterMetricFamily(name, "Workers that died of a profile picture")
            family.add_metric([], panics)
            yield family
        yield _labelled(
            "whatsapp_web_api_connection_failures",
            "Questions that found no worker or no bus, by what was asked for",
            "endpoint",
            {**dict.fromkeys(ENDPOINTS, 0), **tallies.read(tallies.CONNECTION_FAILURES)},
        )
        yield _labelled(
            "whatsapp_web_message_processing_failures",
            "Facts that could not be stored and were set aside whole",
            "reason",
            {**dict.fromkeys(UnreadFact.REASONS, 0), **_parked()},
        )
        yield _waiting()


def _parked() -> dict[str, int]:
    rows = UnreadFact.objects.values_list("reason").annotate(n=Count("pk")).order_by()
    return dict(rows)


def _waiting() -> Metric:
    family = GaugeMetricFamily(
        "switchboard_enrichment_waiting", "Look-ups that wait, by what they are for", labels=["of"]
    )
    family.add_metric(["avatar"], Avatar.objects.exclude(wanted_at=None).count())
    family.add_metric(["contact"], Enrichment.objects.exclude(due_at=None).count())
    return family


def _labelled(name: str, meaning: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=[label])
    for value, n in counts.items():
        family.add_metric([value], n)
    return family
