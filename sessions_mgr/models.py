"""What runs: the session of an account, its history, and what is left to clean up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import WhatsAppAccount, Workspace

from .states import ACTIVE, Desired, Status


class SessionQuerySet(models.QuerySet["Session"]):
    def wanted(self) -> SessionQuerySet:
        """Sessions for which a worker should run now: to be connected, or to end their link."""
        return self.filter(
            Q(desired=Desired.CONNECTED, status__in=ACTIVE) | Q(unlink_pending=True),
        )


class Session(models.Model):
    """The running side of an account: what we want, what is, and which life counts.

    People and apps write `desired`. `status` follows the facts of the one worker that holds
    `epoch`: whoever shows an older epoch has been overtaken and changes nothing.
    """

    account = models.OneToOneField(
        WhatsAppAccount, models.CASCADE, primary_key=True, related_name="session"
    )
    desired = models.CharField(max_length=16, choices=Desired.choices, default=Desired.DISCONNECTED)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.DISCONNECTED)
    status_since = models.DateTimeField(default=timezone.now)
    reason_code = models.CharField(max_length=40, blank=True)
    reason_message = models.CharField(max_length=400, blank=True)
    epoch = models.PositiveBigIntegerField(default=0)
    # The link must be ended at WhatsApp and the credentials purged before anything else runs.
    unlink_pending = models.BooleanField(default=False)
    # Who runs it, or ran it last. `released`: that node has stopped it for others to take.
    node = models.CharField(max_length=64, blank=True)
    released = models.BooleanField(default=False)
    # The device whose credentials are stored; unlike the account's identity it survives a
    # disconnect, and it picks the device of a database that holds those of all accounts.
    store_jid = models.CharField(max_length=80, blank=True)
    restarts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)

    qr_code = models.TextField(blank=True)
    qr_attempt = models.PositiveIntegerField(default=0)
    qr_expires_at = models.DateTimeField(null=True, blank=True)
    pairing_code = models.CharField(max_length=16, blank=True)
    pairing_code_expires_at = models.DateTimeField(null=True, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="session_status_known"
            ),
            models.CheckConstraint(
                condition=Q(desired__in=Desired.values), name="session_desired_known"
            ),
            models.CheckConstraint(
                condition=Q(qr_code="", pairing_code="") | Q(status=Status.QR_SCANNING),
                name="session_code_only_while_scanning",
            ),
        ]
        indexes = [
            # For the node's "what should run?" query.
            models.Index(
                fields=["desired", "status"],
                condition=Q(desired=Desired.CONNECTED) | Q(unlink_pending=True),
                name="session_wanted_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.status}"

    @property
    def reason(self) -> dict[str, str] | None:
        if not self.reason_code:
            return None
        return {"code": self.reason_code, "message": self.reason_message}

    def change(self, **values: Any) -> bool:
        """Compare-and-set on (status, epoch). False when our picture of the row is stale."""
        changed = Session.objects.filter(pk=self.pk, status=self.status, epoch=self.epoch).update(
            **values
        )
        if changed:
            for name, value in values.items():
                setattr(self, name, value)
        return bool(changed)


class StatusChange(models.Model):
    """One line of an account's timeline. Kept longer than the event log: retention.py."""

    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="timeline")
    at = models.DateTimeField(default=timezone.now)
    from_status = models.CharField(max_length=16, choices=Status.choices)
    to_status = models.CharField(max_length=16, choices=Status.choices)
    reason_code = models.CharField(max_length=40, blank=True)
    reason_message = models.CharField(max_length=400, blank=True)
    epoch = models.PositiveBigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["account", "-at", "-id"], name="timeline_recent_idx")]

    def __str__(self) -> str:
        return f"{self.from_status} -> {self.to_status}"


class WorkerExit(models.Model):
    """How one worker life ended: the raw material of "why did it restart?"."""

    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="worker_exits")
    at: models.DateTimeField[Any, datetime] = models.DateTimeField(default=timezone.now)
    epoch = models.PositiveBigIntegerField()
    node = models.CharField(max_length=64)
    cause = models.CharField(max_length=40)
    detail = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["account", "-at"], name="worker_exit_recent_idx")]

    def __str__(self) -> str:
        return f"{self.account_id} epoch {self.epoch}: {self.cause}"


class PastCount(models.Model):
    """Rows that retention removed and a counter of /metrics has told: it must never go back."""

    EXITS = "worker_exits"  # by cause
    RECONNECTS = "reconnects"  # by reason

    metric = models.CharField(max_length=40)
    label = models.CharField(max_length=40, blank=True)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["metric", "label"], name="past_count_once")]

    def __str__(self) -> str:
        return f"{self.metric} {self.label}: {self.count}"


class StorePurge(models.Model):
    """A deleted account's folder that a node still has to remove."""

    account_id = models.UUIDField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.account_id)


class StoreSnapshot(models.Model):
    """A sealed copy of an account's credentials in the storage `snapshots` (snapshots/vault.py)."""

    class Reason(models.TextChoices):
        SCHEDULED = "scheduled"
        MANUAL = "manual"
        BEFORE_RESTORE = "before_restore"

    account = models.ForeignKey(WhatsAppAccount, models.CASCADE, related_name="snapshots")
    at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=16, choices=Reason.choices)
    device_jid = models.CharField(max_length=80)  # whose credentials they are
    size = models.PositiveBigIntegerField()  # bytes in the storage
    sha256 = models.CharField(max_length=64)  # of the database, before it was sealed
    key_id = models.CharField(max_length=16)
    path = models.CharField(max_length=300)  # in the storage

    class Meta:
        constraints = [models.UniqueConstraint(fields=["path"], name="snapshot_path_unique")]
        indexes = [
            # For the newest of an account: what to restore, what is due, what to forget.
            models.Index(fields=["account", "-at", "-id"], name="snapshot_recent_idx")
        ]

    def __str__(self) -> str:
        return f"snapshot {self.pk} of {self.account_id}"


class SeenFact(models.Model):
    """Facts of the stream that are in the database already: a redelivery is then a no-op."""

    fact_id = models.CharField(primary_key=True, max_length=40)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.fact_id


# In a module of its own; here so that Django finds it.
from .notice_models import Notice  # noqa: E402

__all__ = ["Notice"]
