"""Mails that a workspace asked for: a number was logged out, or failed. See notices.py."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Workspace


class Notice(models.Model):
    """One mail to send. Written with the event that it tells of, so none is forgotten."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="notices")
    account_id = models.UUIDField()  # the notice outlives the number
    label = models.CharField(max_length=120)
    status = models.CharField(max_length=16)
    reason = models.CharField(max_length=400, blank=True)
    at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    given_up = models.CharField(max_length=200, blank=True)  # why it is not sent

    class Meta:
        indexes = [
            # What the pipeline still has to send.
            models.Index(
                fields=["next_try_at"],
                condition=Q(sent_at=None, given_up=""),
                name="notice_due_idx",
            ),
            # What was sent lately, for the limit.
            models.Index(fields=["workspace", "-sent_at"], name="notice_recent_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.status}"
