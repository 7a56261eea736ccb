"""What is said: messages, and facts that this version could not read."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import WhatsAppAccount


class Direction(models.TextChoices):
    IN = "in"
    OUT = "out"


class Message(models.Model):
    """One WhatsApp message of one account. (account, wa_id) is what makes a redelivery one row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="messages")
    wa_id = models.CharField(max_length=120)
    direction = models.CharField(max_length=4, choices=Direction.choices)
    chat = models.JSONField()  # {jid, lid, type}
    sender = models.JSONField()  # {jid, lid, phone_number, push_name}
    type = models.CharField(max_length=24)
    raw_type = models.CharField(max_length=80, blank=True)
    text = models.TextField(blank=True)
    timestamp = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "wa_id"], name="message_once"),
            models.CheckConstraint(
                condition=Q(direction__in=Direction.values), name="message_direction_known"
            ),
        ]
        indexes = [
            # An account's messages, newest first.
            models.Index(fields=["account", "-timestamp"], name="message_recent_idx")
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.wa_id}"


class UnreadFact(models.Model):
    """A fact of the stream that ingest could not store. Kept whole, so that nothing is lost."""

    body = models.BinaryField()
    subject = models.CharField(max_length=200)
    problem = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.problem[:80]
