"""Messages that a workspace wants to keep for some days only, with the files that they carry."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from .media import retention as files
from .models import Message

BATCH = 500  # rows per transaction


def forget_messages(*, workspace_id: UUID, before: datetime) -> int:
    """How many messages went. By when they were stored: history may carry any time."""
    gone = 0
    while True:
        old = Message.objects.filter(account__workspace_id=workspace_id, created_at__lt=before)
        ids = list(old.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return gone
        # Before their rows, which say where they are: whoever dies in between leaves a row that the
        # next call finds.
        files.remove_of_messages(ids)
        Message.objects.filter(pk__in=ids).delete()
        gone += len(ids)
