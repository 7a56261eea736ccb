"""Profile pictures of people and groups, as we know them."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import WhatsAppAccount

from .media import media_storage


class AvatarState(models.TextChoices):
    UNKNOWN = "unknown"  # WhatsApp has never answered
    FOUND = "found"
    NONE = "none"  # there is no picture
    HIDDEN = "hidden"  # there may be one, and it is not shown to us


class AvatarQuerySet(models.QuerySet["Avatar"]):
    def unsettled(self, now: datetime) -> AvatarQuerySet:
        """Questions that nobody waits for any more and that had no answer."""
        return self.filter(Q(claim="") | Q(claimed_until__lt=now), asked_at__isnull=False)


class Avatar(models.Model):
    """The picture behind one JID of one account. A row exists once somebody has asked for it.

    `file` is the last picture that we saw, also when WhatsApp no longer answers. `asked_epoch` and
    `asked_at` are written before each question and taken back by its answer, so that a question
    that killed its worker is known, whoever died meanwhile: avatars/poison.py.
    """

    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="avatars")
    jid = models.CharField(max_length=120)
    state = models.CharField(
        max_length=12, choices=AvatarState.choices, default=AvatarState.UNKNOWN
    )
    picture_id = models.CharField(max_length=120, blank=True)
    mime_type = models.CharField(max_length=40, blank=True)
    file = models.FileField(storage=media_storage, max_length=300, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)  # when WhatsApp last told us
    changed_at = models.DateTimeField(null=True, blank=True)  # when it said that it is another one
    failed_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    crashes = models.PositiveIntegerField(default=0)  # workers lost to it since it last worked
    poisoned_until = models.DateTimeField(null=True, blank=True)
    wanted_at = models.DateTimeField(null=True, blank=True)  # somebody waits for a newer one
    asked_epoch = models.PositiveBigIntegerField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    claim = models.CharField(max_length=40, blank=True)  # of the one who asks for it now
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AvatarQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "jid"], name="avatar_jid_once"),
            models.CheckConstraint(
                condition=Q(state__in=AvatarState.values), name="avatar_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=AvatarState.FOUND) | ~Q(file=""), name="avatar_found_has_file"
            ),
        ]
        indexes = [
            # The pipeline's look for what somebody waits for.
            models.Index(
                fields=["wanted_at"], condition=Q(wanted_at__isnull=False), name="avatar_wanted_idx"
            ),
            # Its look for questions without an answer.
            models.Index(
                fields=["asked_at"], condition=Q(asked_at__isnull=False), name="avatar_asked_idx"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.jid} ({self.state})"
