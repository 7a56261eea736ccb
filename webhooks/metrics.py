"""Figures about webhooks, computed from the ledger when somebody asks. No endpoint in a label."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, Min, Sum
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .models import Circuit, Delivery, Endpoint, Health, Quarter, Status


class WebhookCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        yield self._endpoints()
        yield self._deliveries()
        yield self._lag()
        yield self._attempts()

    def _endpoints(self) -> Metric:
        """By state: one word each, as on the page."""
        family = GaugeMetricFamily(
            "switchboard_webhook_endpoints", "Endpoints by state", labels=["status"]
        )
        present = Endpoint.objects.present()
        active = Endpoint.objects.active()
        paused = active.filter(circuit=Circuit.OPEN).count()
        failing = active.filter(circuit=Circuit.CLOSED, failures__gt=0).count()
        family.add_metric([Health.DISABLED], present.exclude(disabled_at=None).count())
        family.add_metric([Health.PAUSED], paused)
        family.add_metric([Health.FAILING], failing)
        family.add_metric([Health.ACTIVE], active.count() - paused - failing)
        return family

    def _deliveries(self) -> Metric:
        family = GaugeMetricFamily(
            "switchboard_webhook_deliveries", "Deliveries kept, by status", labels=["status"]
        )
        counts = dict(Delivery.objects.values_list("status").annotate(n=Count("pk")).order_by())
        for status in Status.values:
            family.add_metric([status], counts.get(status, 0))
        return family

    def _lag(self) -> Metric:
        """Age of the oldest delivery that is due, over the endpoints that are not held back."""
        family = GaugeMetricFamily(
            "switchboard_webhook_lag_seconds",
            "Since when the oldest due delivery of a working endpoint waits",
        )
        now = timezone.now()
        oldest = (
            Delivery.objects.due(now)
            .filter(
                endpoint__disabled_at=None,
                endpoint__deleted_at=None,
                endpoint__circuit=Circuit.CLOSED,
                endpoint__resume_at=None,
            )
            .aggregate(at=Min("due_at"))["at"]
        )
        family.add_metric([], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
        return family

    def _attempts(self) -> Metric:
        family = GaugeMetricFamily(
            "switchboard_webhook_attempts", "Attempts of the last two days", labels=["outcome"]
        )
        sums = Quarter.objects.aggregate(good=Sum("succeeded"), bad=Sum("failed"))
        family.add_metric(["succeeded"], sums["good"] or 0)
        family.add_metric(["failed"], sums["bad"] or 0)
        return family
