"""Messages that a workspace wants to keep for some days only."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from .models import Message

BATCH = 1000  # rows per transaction


def forget_messages(*, workspace_id: UUID, before: datetime) -> int:
    """How many messages went. By when they were stored: history may carry any time."""
    gone = 0
    while True:
        old = Message.objects.filter(account__workspace_id=workspace_id, created_at__lt=before)
        ids = list(old.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return gone
        Message.objects.filter(pk__in=ids).delete()
        gone += len(ids)
