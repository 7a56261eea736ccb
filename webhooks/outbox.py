"""The delivery rows of a new event, written in the transaction that writes the event."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Min

from events import batches
from events.models import Event

from . import schedule
from .models import Delivery, Endpoint


class DeliveryFollower:
    def appended(self, event: Event) -> None:
        endpoints = batches.once(
            ("endpoints", event.workspace_id),
            lambda: list(Endpoint.objects.active().filter(workspace_id=event.workspace_id)),
        )
        rows = [
            delivery_of(event, endpoint.pk, event.recorded_at)
            for endpoint in endpoints
            if endpoint.wants(event)
        ]
        if rows:
            Delivery.objects.bulk_create(rows)

    def needs_from(self, workspace_id: UUID) -> int | None:
        """Pending rows end within schedule.GIVE_UP, so they hold retention up no longer."""
        found: int | None = (
            Delivery.objects.pending()
            .filter(
                endpoint__workspace_id=workspace_id,
                endpoint__disabled_at=None,
                endpoint__deleted_at=None,
            )
            .aggregate(oldest=Min("seq"))["oldest"]
        )
        return found


def delivery_of(event: Event, endpoint_id: UUID, at: datetime) -> Delivery:
    return Delivery(
        endpoint_id=endpoint_id,
        event=event,
        seq=event.seq,
        type=event.type,
        lane=str(event.account_id or ""),
        due_at=at,
        give_up_at=at + schedule.GIVE_UP,
        created_at=at,
    )
