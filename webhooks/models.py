"""Who is told: endpoints, what each must be told, and how every attempt went.

The rows are the truth. A delivery is due when `due_at` has passed; a worker takes it by moving
`due_at` to the end of its lease and writing its own `claim`. So a worker that dies gives it back by
itself, and what a worker reports counts only under the claim that it holds.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Workspace
from events.models import Event

from . import secrets
from .filters import Filter

ANSWER_KEPT = 1024  # bytes of an answer


class Order(models.TextChoices):
    ACCOUNT = "account"  # the events of one account one after the other
    NONE = "none"  # whatever is due goes out


class Circuit(models.TextChoices):
    CLOSED = "closed"
    OPEN = "open"  # it only fails: one probe at a time


class Health(models.TextChoices):
    """How an endpoint is doing, in one word."""

    ACTIVE = "active"
    FAILING = "failing"  # the last attempts failed
    PAUSED = "paused"  # it only failed for long: probed, not called
    DISABLED = "disabled"


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def active(self) -> EndpointQuerySet:
        return self.filter(disabled_at=None, deleted_at=None)

    def running(self) -> EndpointQuerySet:
        """Active ones that may be called now: their workspace is not suspended."""
        return self.active().filter(workspace__suspended_at=None, workspace__deleted_at=None)

    def present(self) -> EndpointQuerySet:
        return self.filter(deleted_at=None)

    def reachable(
        self, workspace: Workspace, only: Collection[uuid.UUID] | None
    ) -> EndpointQuerySet:
        """A workspace's endpoints, for a key restricted to the accounts `only`.

        Such a key reaches the endpoints that tell of nothing but its own accounts.
        """
        mine = self.filter(workspace=workspace)
        if only is None:
            return mine
        allowed = set(map(str, only))
        told = mine.exclude(accounts=None).values_list("pk", "accounts")
        return mine.filter(pk__in=[pk for pk, ids in told if ids and allowed.issuperset(ids)])


class Endpoint(models.Model):
    """One URL of one workspace."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=2000)
    description = models.CharField(max_length=200, blank=True)
    types = models.JSONField(null=True)  # None: all but the secret ones
    accounts = models.JSONField(null=True)  # ids; None: all
    ignore_chats = models.JSONField(default=dict)  # {groups, broadcast, jids}
    sealed_headers = models.BinaryField(default=bytes)
    sealed_secret = models.BinaryField()
    sealed_old_secret = models.BinaryField(default=bytes)
    old_secret_until = models.DateTimeField(null=True)
    order = models.CharField(max_length=8, choices=Order.choices, default=Order.ACCOUNT)
    concurrency = models.PositiveSmallIntegerField(default=10)
    disabled_at = models.DateTimeField(null=True)
    disabled_code = models.CharField(max_length=24, blank=True)
    disabled_message = models.CharField(max_length=300, blank=True)
    # What delivery has learnt. Written by the workers only.
    circuit = models.CharField(max_length=6, choices=Circuit.choices, default=Circuit.CLOSED)
    resume_at = models.DateTimeField(null=True)  # no attempt before: a probe's time, or Retry-After
    failures = models.PositiveIntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(order__in=Order.values), name="webhook_endpoint_order_known"
            ),
            models.CheckConstraint(
                condition=Q(circuit__in=Circuit.values), name="webhook_endpoint_circuit_known"
            ),
        ]
        indexes = [
            # Matching a new event, and the list of a workspace.
            models.Index(fields=["workspace", "created_at"], name="webhook_endpoint_list_idx")
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def status(self) -> Health:
        if self.disabled_at:
            return Health.DISABLED
        if self.circuit == Circuit.OPEN:
            return Health.PAUSED
        return Health.FAILING if self.failures else Health.ACTIVE

    @property
    def disabled_reason(self) -> dict[str, str] | None:
        if not self.disabled_at:
            return None
        return {"code": self.disabled_code, "message": self.disabled_message}

    def filter(self) -> Filter:
        ignore = self.ignore_chats or {}
        return Filter(
            endpoint_id=self.pk,
            types=self.types,
            accounts=self.accounts,
            ignore_groups=bool(ignore.get("groups")),
            ignore_broadcast=bool(ignore.get("broadcast")),
            ignore_jids=frozenset(ignore.get("jids") or ()),
        )

    def wants(self, event: Event) -> bool:
        return self.filter().wants(type=event.type, account_id=event.account_id, data=event.data)

    def secrets_at(self, at: datetime) -> list[str]:
        """The secrets that sign now, the current one first. secrets.Unreadable when lost."""
        found = [secrets.unseal(self.sealed_secret, for_whom=str(self.pk))]
        if self.sealed_old_secret and self.old_secret_until and self.old_secret_until > at:
            with suppress(secrets.Unreadable):
                found.append(secrets.unseal(self.sealed_old_secret, for_whom=str(self.pk)))
        return found

    def seal(self, text: str) -> bytes:
        return secrets.seal(text, for_whom=str(self.pk))

    @property
    def headers(self) -> dict[str, str]:
        if not self.sealed_headers:
            return {}
        opened: dict[str, str] = json.loads(
            secrets.unseal(self.sealed_headers, for_whom=str(self.pk))
        )
        return opened


class Status(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def pending(self) -> DeliveryQuerySet:
        return self.filter(status=Status.PENDING)

    def due(self, at: datetime) -> DeliveryQuerySet:
        return self.pending().filter(due_at__lte=at)


class Delivery(models.Model):
    """One event for one endpoint, until it is delivered or dead."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    # Copies of the event's, so that the ledger is read without it.
    seq = models.PositiveBigIntegerField()
    type = models.CharField(max_length=40)
    lane = models.CharField(max_length=36, blank=True)  # the account's id: what order is about
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    due_at = models.DateTimeField()
    give_up_at = models.DateTimeField()
    claim = models.CharField(max_length=80, blank=True)
    tries = models.PositiveIntegerField(default=0)  # since the last replay; probes not counted
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    replay = models.ForeignKey("Replay", models.SET_NULL, null=True, related_name="deliveries")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints = [
            # One row per event and endpoint, however often it is replayed.
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_delivery_once"),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="webhook_delivery_status_known"
            ),
        ]
        indexes = [
            # Is anything due at this endpoint, and since when.
            models.Index(
                fields=["endpoint", "due_at"],
                condition=Q(status="pending"),
                name="webhook_delivery_due_idx",
            ),
            # What goes next in a lane.
            models.Index(
                fields=["endpoint", "lane", "seq"],
                condition=Q(status="pending"),
                name="webhook_delivery_lane_idx",
            ),
            # The delivery browser, newest first, also by status.
            models.Index(fields=["endpoint", "-seq"], name="webhook_delivery_list_idx"),
            models.Index(fields=["endpoint", "status", "-seq"], name="webhook_delivery_state_idx"),
            # Retention.
            models.Index(fields=["created_at"], name="webhook_delivery_age_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.type} {self.status}"


class Attempt(models.Model):
    """One request, or the reason why there was none."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    ok = models.BooleanField()
    probe = models.BooleanField(default=False)
    status_code = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    error = models.CharField(max_length=300, blank=True)
    answer = models.TextField(blank=True)  # up to ANSWER_KEPT bytes

    class Meta:
        indexes = [
            # The strip, the failure rate and the p95 of an endpoint.
            models.Index(fields=["endpoint", "at"], name="webhook_attempt_recent_idx")
        ]

    def __str__(self) -> str:
        return f"{self.at} {self.status_code or self.error}"


class Quarter(models.Model):
    """How many attempts of a quarter of an hour succeeded and failed, counted as they happen."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="quarters")
    start = models.DateTimeField()
    succeeded = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            # Also the index of the 24-hour strip.
            models.UniqueConstraint(fields=["endpoint", "start"], name="webhook_quarter_once")
        ]

    def __str__(self) -> str:
        return f"{self.start}: {self.succeeded} and {self.failed}"


class Replay(models.Model):
    """An order to deliver a range again. The delivery worker carries it out in steps."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="replays")
    criteria = models.JSONField()  # as webhooks.replays.Criteria
    cursor = models.PositiveBigIntegerField()  # events up to this seq are queued
    until_seq = models.PositiveBigIntegerField()
    queued = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    queued_at = models.DateTimeField(null=True)  # everything is queued
    created_by = models.CharField(max_length=200)

    class Meta:
        indexes = [
            # What a worker still has to queue.
            models.Index(
                fields=["created_at"],
                condition=Q(queued_at=None),
                name="webhook_replay_open_idx",
            )
        ]

    def __str__(self) -> str:
        return f"replay {self.cursor}/{self.until_seq}"

    def progress(self) -> dict[str, Any]:
        """How many of the deliveries are where, counted now."""
        counts = dict(
            self.deliveries.values_list("status").annotate(n=models.Count("pk")).order_by()
        )
        return {
            "total": self.total,
            "queued": self.queued,
            "pending": counts.get(Status.PENDING, 0),
            "delivered": counts.get(Status.DELIVERED, 0),
            "dead": counts.get(Status.DEAD, 0),
            "done": self.queued_at is not None and not counts.get(Status.PENDING),
        }
