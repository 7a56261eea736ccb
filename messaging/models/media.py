"""The files that messages carry."""

from __future__ import annotations

import uuid

from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import WhatsAppAccount

from .messages import Direction, Message


class MediaState(models.TextChoices):
    PENDING = "pending"  # not here yet: being fetched, or waiting for the next try
    STORED = "stored"
    FAILED = "failed"  # given up; `error` says why
    GONE = "gone"  # WhatsApp no longer has it, or our retention removed it; `error` says which


def media_storage() -> Storage:
    """Named here, so that migrations do not freeze where files are kept."""
    return storages["media"]


class Media(models.Model):
    """One file of one message. `mime_type` has no parameters and `filename` is safe to show and
    to save; what the sender wrote is in `raw_mime_type` and `raw_filename`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="media")
    message = models.OneToOneField(Message, models.CASCADE, related_name="media")
    direction = models.CharField(max_length=4, choices=Direction.choices)
    mime_type = models.CharField(max_length=120)
    raw_mime_type = models.CharField(max_length=200, blank=True)
    filename = models.CharField(max_length=120)
    raw_filename = models.CharField(max_length=300, blank=True)
    size = models.PositiveBigIntegerField(default=0)  # bytes; the sender's word until it is stored
    sha256 = models.CharField(max_length=64, blank=True)  # hex; likewise
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    duration = models.FloatField(null=True)  # seconds
    waveform = models.CharField(max_length=400, blank=True)  # base64, 64 bytes of 0..100
    animated = models.BooleanField(default=False)
    thumbnail = models.BinaryField(default=bytes)  # a small JPEG; empty: none
    thumbnail_size = models.PositiveIntegerField(default=0)  # bytes of it, for lists
    file = models.FileField(storage=media_storage, max_length=300, blank=True)
    state = models.CharField(max_length=12, choices=MediaState.choices, default=MediaState.PENDING)
    error = models.JSONField(null=True, blank=True)  # {code, detail}
    locator = models.TextField(blank=True)  # opaque; goes back to the worker that made it
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    claim = models.CharField(max_length=120, blank=True)  # node:pid:random of who fetches it now
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    stored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=MediaState.values), name="media_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=MediaState.STORED) | ~Q(file=""), name="media_stored_has_file"
            ),
        ]
        indexes = [
            # The pipeline's look for what is due.
            models.Index(
                fields=["next_try_at"],
                condition=Q(state=MediaState.PENDING),
                name="media_due_idx",
            ),
            # Retention.
            models.Index(
                fields=["stored_at"], condition=Q(state=MediaState.STORED), name="media_stored_idx"
            ),
            # What is gone, but still has its file; and whether another message has it, too.
            models.Index(
                fields=["account"],
                condition=Q(state=MediaState.GONE) & ~Q(file=""),
                name="media_leaving_idx",
            ),
            models.Index(fields=["file"], name="media_file_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.state})"
