"""With whom we talk: people by both of their names, and the chats of an account.

WhatsApp knows a person by a phone number's JID (PN) and by a LID, tells us either or both, and
which belong together may be learned late. `jid` is the PN where it is known, else the LID, so it
is never empty; `people.py` brings two rows together once they turn out to be one.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import WhatsAppAccount

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Contact(models.Model):
    """A person as one account knows them. Our own number is one too: it reacts and votes."""

    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="contacts")
    jid = models.CharField(max_length=120)
    lid = models.CharField(max_length=120, blank=True)
    phone_number = models.CharField(max_length=24, blank=True)  # E.164 with its +
    push_name = models.CharField(max_length=200, blank=True)  # what they call themselves
    full_name = models.CharField(max_length=200, blank=True)  # what our address book calls them
    first_name = models.CharField(max_length=200, blank=True)
    business_name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "jid"], name="contact_jid_once"),
            models.UniqueConstraint(
                fields=["account", "lid"], condition=~Q(lid=""), name="contact_lid_once"
            ),
            models.CheckConstraint(condition=~Q(jid=""), name="contact_jid_not_empty"),
        ]
        indexes = [
            # The list of an account's contacts, in pages.
            models.Index(fields=["account", "created_at", "id"], name="contact_account_idx"),
            # A person by LID: the partial constraint is no index for a query with parameters.
            models.Index(fields=["account", "lid"], name="contact_lid_idx"),
        ]

    def __str__(self) -> str:
        return self.jid

    @property
    def name(self) -> str:
        """The best name we have: the address book's, the business's, the person's own."""
        return self.full_name or self.business_name or self.push_name or self.phone_number


class ChatType(models.TextChoices):
    USER = "user"
    GROUP = "group"
    BROADCAST = "broadcast"
    NEWSLETTER = "newsletter"


class Chat(models.Model):
    """A conversation of one account: with a person, in a group, from a channel."""

    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="chats")
    jid = models.CharField(max_length=120)
    lid = models.CharField(max_length=120, blank=True)
    type = models.CharField(max_length=16, default=ChatType.USER)
    name = models.CharField(max_length=200, blank=True)
    last_message = models.ForeignKey(
        "messaging.Message", models.SET_NULL, null=True, related_name="+"
    )
    last_message_at = models.DateTimeField(default=NEVER)  # NEVER where there is none yet
    unread = models.PositiveIntegerField(default=0)
    read_until = models.DateTimeField(null=True, blank=True)  # the newest message that we have read
    archived = models.BooleanField(default=False)
    muted_until = models.DateTimeField(null=True, blank=True)
    disappearing_seconds = models.PositiveIntegerField(default=0)  # the timer; 0: messages stay
    disappearing_at = models.DateTimeField(default=NEVER)  # when it was set, as far as we know
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "jid"], name="chat_jid_once"),
            models.UniqueConstraint(
                fields=["account", "lid"], condition=~Q(lid=""), name="chat_lid_once"
            ),
            models.CheckConstraint(condition=~Q(jid=""), name="chat_jid_not_empty"),
        ]
        indexes = [
            # The list of chats, newest first.
            models.Index(fields=["account", "-last_message_at", "-id"], name="chat_recent_idx"),
            # A chat by LID, as with contacts.
            models.Index(fields=["account", "lid"], name="chat_lid_idx"),
        ]

    def __str__(self) -> str:
        return self.name or self.jid
