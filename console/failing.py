"""Webhooks that fail now: which, since when, why, and how much waits for them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Workspace
from webhooks.models import Endpoint, Health, Status

from .statuses import Look

SHOWN = 5


LOOKS = {
    Health.FAILING: Look(_("Fails"), "reconnecting", "warn"),
    Health.PAUSED: Look(_("Not reachable"), "failed", "bad"),
}


@dataclass(frozen=True, slots=True)
class Failing:
    look: Look
    endpoint: Endpoint
    waiting: int  # deliveries


def failing_webhooks(workspace: Workspace) -> list[Failing]:
    """Those that have failed longest first."""
    waiting = Count("deliveries", filter=Q(deliveries__status=Status.PENDING))
    found = (
        Endpoint.objects.active()
        .filter(workspace=workspace, failures__gt=0)
        .annotate(waiting=waiting)
        .order_by("failing_since", "created_at")
    )
    return [
        Failing(LOOKS[endpoint.status], endpoint, endpoint.waiting)  # type: ignore[attr-defined]  # annotated
        for endpoint in found[:SHOWN]
        if endpoint.status in LOOKS
    ]
