"""What a workspace is allowed, what it used, how it wants to be treated, and how it ends."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone


class WorkspaceSettings(models.Model):
    """What the workspace's admins chose. Null: as the installation has it. See preferences.py."""

    workspace = models.OneToOneField(
        "accounts.Workspace", models.CASCADE, primary_key=True, related_name="settings"
    )
    event_retention_days = models.PositiveIntegerField(null=True, blank=True)
    message_retention_days = models.PositiveIntegerField(null=True, blank=True)
    media_retention_days = models.PositiveIntegerField(null=True, blank=True)
    fetch_avatars = models.BooleanField(null=True, blank=True)
    # Pacing that new numbers begin with.
    pacing_min_gap_ms = models.PositiveIntegerField(default=0)
    pacing_new_chats_per_hour = models.PositiveIntegerField(default=0)  # 0: no limit
    notice_email = models.EmailField(blank=True)
    notice_language = models.CharField(max_length=10, default="en")  # one of settings.LANGUAGES
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"settings of {self.workspace_id}"


class Quota(models.Model):
    """What installation administrators allow. Null: no limit. Enforced in quotas.py."""

    workspace = models.OneToOneField(
        "accounts.Workspace", models.CASCADE, primary_key=True, related_name="quota"
    )
    numbers = models.PositiveIntegerField(null=True, blank=True)
    messages_per_day = models.PositiveIntegerField(null=True, blank=True)
    media_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    api_requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"quota of {self.workspace_id}"


class Usage(models.Model):
    """What a workspace holds right now and what cannot be counted cheaply."""

    workspace = models.OneToOneField(
        "accounts.Workspace", models.CASCADE, primary_key=True, related_name="usage"
    )
    media_bytes = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"usage of {self.workspace_id}"


class DailyUsage(models.Model):
    """What a workspace did on one day (UTC)."""

    workspace = models.ForeignKey("accounts.Workspace", models.CASCADE, related_name="daily_usage")
    day = models.DateField()
    messages = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            # Also what counting on finds its row by.
            models.UniqueConstraint(fields=["workspace", "day"], name="daily_usage_once")
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.messages}"


class ApiMinute(models.Model):
    """Requests of the minute that counts now, of all keys of a workspace and all web processes.

    Written only where `Quota.api_requests_per_minute` is set.
    """

    workspace = models.OneToOneField(
        "accounts.Workspace", models.CASCADE, primary_key=True, related_name="api_minute"
    )
    minute = models.PositiveBigIntegerField()  # since 1970
    requests = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.workspace_id}: {self.requests}"


class WorkspacePurge(models.Model):
    """The end of a workspace, step by step. Outlives it: hence no foreign key. See purging.py."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace_id = models.UUIDField(unique=True)
    name = models.CharField(max_length=120)
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField(default=timezone.now)
    step = models.CharField(max_length=40, blank=True)  # what it is at
    waits_for = models.CharField(max_length=200, blank=True)
    removed = models.JSONField(default=dict)  # how many of what went
    next_try_at = models.DateTimeField(default=timezone.now)
    error = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # What the pipeline still has to do.
            models.Index(
                fields=["next_try_at"], condition=Q(finished_at=None), name="purge_open_idx"
            )
        ]

    def __str__(self) -> str:
        return f"purge of {self.name}: {self.step or 'not begun'}"

    def total(self) -> int:
        counts: dict[str, Any] = self.removed
        return sum(int(count) for count in counts.values())
