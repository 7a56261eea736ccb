"""Forget finished deliveries, and endpoints that were deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from .models import Delivery, Endpoint, Quarter, Replay, Status

BATCH = 2000  # rows per transaction


def forget_old(at: datetime) -> int:
    """How many deliveries went, with their attempts."""
    before = at - timedelta(days=settings.WEBHOOK_RETENTION_DAYS)
    # A claim of a deleted endpoint may still be in a worker's hands: give it an hour.
    Endpoint.objects.filter(deleted_at__lt=at - timedelta(hours=1)).delete()
    Replay.objects.filter(created_at__lt=before).exclude(queued_at=None).delete()
    Quarter.objects.filter(start__lt=at - timedelta(days=2)).delete()
    gone = 0
    while True:
        old = Delivery.objects.exclude(status=Status.PENDING).filter(
            created_at__lt=before, finished_at__lt=before
        )
        ids = list(old.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return gone
        Delivery.objects.filter(pk__in=ids).delete()
        gone += len(ids)
