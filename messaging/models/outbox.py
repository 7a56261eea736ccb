"""What waits to be sent, how fast it may go, and files that wait to be used."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import WhatsAppAccount, Workspace

from .media import media_storage
from .messages import Message


class OutgoingQuerySet(models.QuerySet["Outgoing"]):
    def waiting(self) -> OutgoingQuerySet:
        """Not at an end: queued, or asked for without an answer yet."""
        return self.filter(finished_at=None)

    def unsettled(self) -> OutgoingQuerySet:
        """Nobody knows yet what became of it: waiting, or given up as unknown."""
        return self.filter(settled=False)


class Outgoing(models.Model):
    """The order to send one message. The row's id is its place in the queue.

    `first_epoch` and the message's status `sending` are committed before a worker is asked for
    the first time. `in_doubt`: an answer was lost, so that it may have been sent already.
    """

    id = models.BigAutoField(primary_key=True)
    message = models.OneToOneField(Message, models.CASCADE, related_name="outgoing")
    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="outgoing")
    lane = models.CharField(max_length=120)  # the chat's jid: what order is kept in
    request = models.JSONField()  # as outbox.requests.parse returns it; files by reference
    # The wa_id it has if it was sent, known although nobody can say whether it was; else empty.
    suspected_wa_id = models.CharField(max_length=120, blank=True, default="")
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)
    fingerprint = models.CharField(max_length=64)  # hex SHA-256 of what was asked for
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()  # not begun by then: failed
    not_before = models.DateTimeField(default=timezone.now)  # the next try's time
    first_epoch = models.PositiveBigIntegerField(default=0)
    in_doubt = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)
    trouble = models.JSONField(null=True, blank=True)  # {code, detail} of the last try that failed
    new_chat = models.BooleanField(default=False)  # nothing was said in this chat before
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    settled = models.BooleanField(default=False)

    objects = OutgoingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="outgoing_idempotency_key_once",
            ),
        ]
        indexes = [
            # What an account still has to send, in order.
            models.Index(
                fields=["account", "id"],
                condition=Q(finished_at=None),
                name="outgoing_waiting_idx",
            ),
            # Whose echo or receipt may this be?
            models.Index(
                fields=["account", "lane"],
                condition=Q(settled=False),
                name="outgoing_unsettled_idx",
            ),
            # First messages of the last hour, for the pacing.
            models.Index(
                fields=["account", "started_at"],
                condition=Q(new_chat=True),
                name="outgoing_new_chat_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} to {self.lane}"

    def change(self, **values: object) -> bool:
        """Write while it is waiting. False when it has come to an end meanwhile."""
        changed = Outgoing.objects.waiting().filter(pk=self.pk).update(**values)
        if changed:
            for name, value in values.items():
                setattr(self, name, value)
        return bool(changed)


class Pacing(models.Model):
    """How fast an account sends: rules that a person set, what happened, who sends right now.

    One dispatcher at a time holds the account: `holder` until `held_until`.
    """

    account = models.OneToOneField(
        WhatsAppAccount, models.CASCADE, primary_key=True, related_name="pacing"
    )
    # As outbox.pacing.Rules.
    min_gap_ms = models.PositiveIntegerField(default=0)
    new_chats_per_hour = models.PositiveIntegerField(default=0)
    typing = models.BooleanField(default=False)
    typing_ms_per_character = models.PositiveIntegerField(default=40)
    typing_max_ms = models.PositiveIntegerField(default=5_000)
    updated_at = models.DateTimeField(default=timezone.now)
    # What the dispatcher learnt.
    last_started_at = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)  # WhatsApp said "too fast"
    strikes = models.PositiveIntegerField(default=0)  # how often in a row
    struck_at = models.DateTimeField(null=True, blank=True)
    holder = models.CharField(max_length=120, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"pacing of {self.account_id}"

    def hold(self, holder: str, *, at: datetime, until: datetime) -> bool:
        """Take or keep the account. False while another dispatcher holds it."""
        free = Q(holder=holder) | Q(held_until=None) | Q(held_until__lte=at)
        return bool(Pacing.objects.filter(free, pk=self.pk).update(holder=holder, held_until=until))


class Upload(models.Model):
    """A file that an app left here to be sent, in any number of messages until it expires."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="uploads")
    filename = models.CharField(max_length=120)
    mime_type = models.CharField(max_length=120)
    size = models.PositiveBigIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)
    file = models.FileField(storage=media_storage, max_length=300)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            # Retention.
            models.Index(fields=["expires_at"], name="upload_expiry_idx")
        ]

    def __str__(self) -> str:
        return self.filename
