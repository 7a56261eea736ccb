"""What was said: messages, and what happened to them afterwards."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiKey, WhatsAppAccount

from .. import statuses
from ..statuses import Status
from .people import Chat, Contact


class Direction(models.TextChoices):
    IN = "in"
    OUT = "out"


# The type of a row whose message could not be read. It is filled when the message comes again.
UNDECRYPTABLE = "undecryptable"


NEWEST_FIRST = ("-timestamp", "-created_at", "-id")


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, key: ApiKey) -> MessageQuerySet:
        return self.filter(account__in=key.visible_accounts().present())

    def whole(self) -> MessageQuerySet:
        """With the rows whose names `descriptions.describe_all` shows."""
        return self.select_related("chat_row", "sender_contact")

    def newest_first(self) -> MessageQuerySet:
        """By WhatsApp's time, which is in whole seconds; within one by when they came to us."""
        return self.order_by(*NEWEST_FIRST)

    def before(self, message: Message) -> MessageQuerySet:
        return self.filter(_beyond(message, "lt", "lt"))

    def after(self, message: Message) -> MessageQuerySet:
        return self.filter(_beyond(message, "gt", "gt"))

    def since(self, message: Message) -> MessageQuerySet:
        """This one and what came after it."""
        return self.filter(_beyond(message, "gt", "gte"))

    def readable(self) -> MessageQuerySet:
        """Without the placeholders of what could not be decrypted."""
        return self.exclude(type=UNDECRYPTABLE)


def _beyond(message: Message, side: str, last: str) -> Q:
    """What is on one side of a message in the order of NEWEST_FIRST."""
    at, came = message.timestamp, message.created_at
    return Q(**{f"timestamp__{side}e": at}) & (
        Q(**{f"timestamp__{side}": at})
        | Q(**{"timestamp": at, f"created_at__{side}": came})
        | Q(**{"timestamp": at, "created_at": came, f"pk__{last}": message.pk})
    )


class Message(models.Model):
    """One WhatsApp message of one account. (account, wa_id) is what makes a redelivery one row.

    `chat` and `sender` are the parties as the engine named them when it told us; `chat_row` and
    `sender_contact` are what we know of them now. `content` is what base.MessageReceived says of
    it. A message of ours has no `wa_id` until WhatsApp or the engine gave it one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="messages")
    wa_id = models.CharField(max_length=120, null=True, blank=True)
    direction = models.CharField(max_length=4, choices=Direction.choices)
    chat = models.JSONField()  # {jid, lid, type}
    chat_row = models.ForeignKey(Chat, models.SET_NULL, null=True, related_name="messages")
    sender = models.JSONField()  # {jid, lid, phone_number, push_name}
    sender_contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="messages")
    type = models.CharField(max_length=24)
    raw_type = models.CharField(max_length=80, blank=True)
    text = models.TextField(blank=True)
    content = models.JSONField(default=dict)
    timestamp = models.DateTimeField()
    history = models.BooleanField(default=False)  # from a history sync, not said while we listened
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.RECEIVED)
    status_at = models.DateTimeField(default=timezone.now)
    error = models.JSONField(null=True, blank=True)  # {code, detail, until?} of a failed one
    edited_at = models.DateTimeField(null=True, blank=True)
    edit_wa_id = models.CharField(max_length=120, blank=True)  # of the edit that `text` is
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Who asked us to send it, as in the audit log; empty: said on a phone.
    sent_by = models.CharField(max_length=200, blank=True, default="")

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            # Also the look-up of every receipt, reaction, edit and revoke.
            models.UniqueConstraint(
                fields=["account", "wa_id"],
                condition=Q(wa_id__isnull=False),
                name="message_once",
            ),
            models.CheckConstraint(
                condition=Q(direction__in=Direction.values), name="message_direction_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="message_status_known"
            ),
            models.CheckConstraint(
                condition=Q(wa_id=None) | ~Q(wa_id=""), name="message_wa_id_not_empty"
            ),
        ]
        indexes = [
            # An account's messages, newest first.
            models.Index(fields=["account", *NEWEST_FIRST], name="message_order_idx"),
            # A conversation, newest first; its unread ones.
            models.Index(fields=["chat_row", *NEWEST_FIRST], name="message_chat_order_idx"),
            # The figures of the last hours.
            models.Index(fields=["created_at"], name="message_created_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.wa_id or self.pk}"

    def advance(self, status: str, at: datetime) -> bool:
        """Move forward to `status`. False when it is there already, or further."""
        moved = Message.objects.filter(pk=self.pk, status__in=statuses.BEFORE[status]).update(
            status=status, status_at=at, error=None
        )
        if moved:
            self.status, self.status_at, self.error = status, at, None
        return bool(moved)


class Receipt(models.Model):
    """How far a message to a group came with one person. A private chat needs only `status`."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="receipts")
    person = models.ForeignKey(Contact, models.CASCADE, related_name="+")
    status = models.CharField(max_length=16, choices=Status.choices)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message", "person"], name="receipt_once_per_message_and_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.status}"


class Reaction(models.Model):
    """What one person thinks of a message now. An empty emoji: taken back, kept for its time."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="reactions")
    person = models.ForeignKey(Contact, models.CASCADE, related_name="+")
    emoji = models.CharField(max_length=80, blank=True)
    wa_id = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message", "person"], name="reaction_once_per_message_and_person"
            )
        ]

    def __str__(self) -> str:
        return self.emoji


class PollVote(models.Model):
    """The whole present choice of one person, as hex SHA-256 of the options' texts."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="votes")
    person = models.ForeignKey(Contact, models.CASCADE, related_name="+")
    option_hashes = models.JSONField(default=list)
    readable = models.BooleanField(default=True)
    wa_id = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message", "person"], name="poll_vote_once_per_message_and_person"
            )
        ]

    def __str__(self) -> str:
        return f"{len(self.option_hashes)} options"


class HeldFact(models.Model):
    """A reaction, edit, revoke, vote or receipt whose message we do not have (yet).

    It was told as an event when it came, and changes the row once the message arrives.
    """

    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="+")
    target_wa_id = models.CharField(max_length=120)
    key = models.CharField(max_length=200)  # what makes a redelivery of the fact the same
    fact = models.JSONField()  # as EngineEvent.to_wire
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # Also the look-up when the message arrives.
            models.UniqueConstraint(
                fields=["account", "target_wa_id", "key"], name="held_fact_once"
            )
        ]
        indexes = [
            # Retention.
            models.Index(fields=["at"], name="held_fact_at_idx")
        ]

    def __str__(self) -> str:
        return f"{self.key} for {self.target_wa_id}"


class UnreadFact(models.Model):
    """A fact of the stream that ingest could not store. Kept whole, so that nothing is lost."""

    UNREADABLE = "unreadable"  # not a fact of a known account, or of a newer version
    CONFLICT = "conflict"  # contradicts what is stored
    BROKEN = "broken"  # we made a mistake; the log has the details
    REASONS = (UNREADABLE, CONFLICT, BROKEN)

    body = models.BinaryField()
    subject = models.CharField(max_length=200)
    reason = models.CharField(max_length=20, default=UNREADABLE)
    problem = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.problem[:80]
