"""What happened: one append-only log per workspace, read by cursor by everybody downstream."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.utils import timezone
from ulid import ULID

from accounts.models import Workspace


def new_event_id() -> str:
    return f"evt_{ULID()}"


class Log(models.Model):
    """The head of a workspace's log. Its row lock makes `seq` gapless and ordered by commit.

    A bare autoincrement would not do: on PostgreSQL ids become visible out of order, and a reader
    that has passed a cursor would never see the late one.
    """

    workspace = models.OneToOneField(
        Workspace, models.CASCADE, primary_key=True, related_name="event_log"
    )
    last_seq = models.PositiveBigIntegerField(default=0)
    oldest_seq = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return f"log of {self.workspace_id} up to {self.last_seq}"


class EventQuerySet(models.QuerySet["Event"]):
    def after(self, seq: int) -> EventQuerySet:
        return self.filter(seq__gt=seq).order_by("seq")


class Event(models.Model):
    """One fact, as webhooks, websockets and the pull API tell it."""

    id = models.CharField(primary_key=True, max_length=30, default=new_event_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    type = models.CharField(max_length=40)
    # No foreign key: the log outlives the account.
    account_id = models.UUIDField(null=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    data = models.JSONField(default=dict)
    # Set on facts that arrive over the bus, so that a redelivery is one event.
    source_id = models.CharField(max_length=40, null=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [
            # Also the index of every cursor read.
            models.UniqueConstraint(fields=["workspace", "seq"], name="event_seq_unique"),
            models.UniqueConstraint(
                fields=["workspace", "source_id"],
                condition=models.Q(source_id__isnull=False),
                name="event_source_once",
            ),
        ]
        indexes = [
            # Blanking expired codes, and an account's own events.
            models.Index(fields=["account_id", "type", "seq"], name="event_account_idx")
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"

    def envelope(self) -> dict[str, Any]:
        """The event as the contract shows it."""
        return {
            "id": self.id,
            "seq": self.seq,
            "type": self.type,
            "account_id": str(self.account_id) if self.account_id else None,
            "occurred_at": rfc3339(self.occurred_at),
            "recorded_at": rfc3339(self.recorded_at),
            "data": self.data,
        }


def rfc3339(at: datetime) -> str:
    """UTC with milliseconds and a Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
