"""Verbs on endpoints and deliveries. Each is one transaction and writes the audit row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import services as who
from accounts.models import Workspace
from events import services as event_log
from events import types
from events.models import Event

from . import schedule, signing
from .models import Circuit, Delivery, Endpoint, Order, Status
from .outbox import delivery_of

OVERLAP = timedelta(hours=24)  # both secrets sign for so long after a rotation
MAX_ENDPOINTS = 100  # per workspace


class TooMany(Exception):
    """The workspace has as many endpoints as it may have."""


@transaction.atomic
def create_endpoint(
    *,
    workspace: Workspace,
    url: str,
    actor: str,
    types: list[str] | None = None,
    accounts: list[str] | None = None,
    ignore_chats: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    description: str = "",
    order: str = Order.ACCOUNT,
    concurrency: int = 10,
    secret: str = "",
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret, which nobody can read again. `secret` imports one."""
    if Endpoint.objects.present().filter(workspace=workspace).count() >= MAX_ENDPOINTS:
        raise TooMany(MAX_ENDPOINTS)
    secret = secret or signing.new_secret()
    endpoint = Endpoint(
        workspace=workspace,
        url=url,
        types=types,
        accounts=accounts,
        ignore_chats=dict(ignore_chats or {}),
        description=description,
        order=order,
        concurrency=concurrency,
    )
    endpoint.sealed_secret = endpoint.seal(secret)
    endpoint.sealed_headers = _sealed(endpoint, headers or {})
    endpoint.save()
    _audit(endpoint, actor, "webhook.created")
    return endpoint, secret


@transaction.atomic
def update_endpoint(*, endpoint: Endpoint, actor: str, **fields: Any) -> Endpoint:
    """Change what is named in `fields`. What already waits goes to the new URL."""
    changed = sorted(fields)
    if "headers" in fields:
        endpoint.sealed_headers = _sealed(endpoint, fields.pop("headers"))
        fields["sealed_headers"] = endpoint.sealed_headers
    for name, value in fields.items():
        setattr(endpoint, name, value)
    endpoint.save(update_fields=[*fields, "updated_at"])
    _audit(endpoint, actor, "webhook.updated", changed=changed)
    return endpoint


def _sealed(endpoint: Endpoint, headers: Mapping[str, str]) -> bytes:
    return endpoint.seal(json.dumps(dict(headers))) if headers else b""


@transaction.atomic
def delete_endpoint(*, endpoint: Endpoint, actor: str) -> None:
    """Nothing more is sent. The rows go with the next retention run."""
    Endpoint.objects.present().filter(pk=endpoint.pk).update(deleted_at=timezone.now())
    _audit(endpoint, actor, "webhook.deleted")


@transaction.atomic
def rotate_secret(
    *, endpoint: Endpoint, actor: str, secret: str = "", overlap: timedelta = OVERLAP
) -> str:
    """A new secret; the old one keeps signing beside it for `overlap`."""
    fresh = secret or signing.new_secret()
    endpoint.sealed_old_secret = endpoint.sealed_secret
    endpoint.old_secret_until = timezone.now() + overlap
    endpoint.sealed_secret = endpoint.seal(fresh)
    endpoint.save(
        update_fields=["sealed_old_secret", "old_secret_until", "sealed_secret", "updated_at"]
    )
    _audit(endpoint, actor, "webhook.secret_rotated")
    return fresh


@transaction.atomic
def enable(*, endpoint: Endpoint, actor: str) -> bool:
    """Deliver again, also what waited. False when it was enabled and its circuit closed."""
    at = timezone.now()
    changed = (
        Endpoint.objects.present()
        .filter(pk=endpoint.pk)
        .exclude(disabled_at=None, circuit=Circuit.CLOSED, resume_at=None)
        .update(
            disabled_at=None,
            disabled_code="",
            disabled_message="",
            circuit=Circuit.CLOSED,
            resume_at=None,
            failures=0,
            failing_since=None,
            updated_at=at,
        )
    )
    if changed:
        Delivery.objects.pending().filter(endpoint=endpoint, claim="").update(
            due_at=at, give_up_at=at + schedule.GIVE_UP
        )
        _audit(endpoint, actor, "webhook.enabled")
        _wake(endpoint)
    endpoint.refresh_from_db()
    return bool(changed)


@transaction.atomic
def disable(*, endpoint: Endpoint, code: str, message: str, actor: str) -> bool:
    """Send nothing more until it is enabled; what waits keeps waiting. False when it was so."""
    at = timezone.now()
    changed = (
        Endpoint.objects.active()
        .filter(pk=endpoint.pk)
        .update(disabled_at=at, disabled_code=code, disabled_message=message, updated_at=at)
    )
    if changed:
        _audit(endpoint, actor, "webhook.disabled", code=code)
        event_log.append(
            workspace_id=endpoint.workspace_id,
            type=types.WEBHOOK_DISABLED,
            data={
                "endpoint_id": str(endpoint.pk),
                "url": endpoint.url,
                "reason": {"code": code, "message": message},
            },
        )
    endpoint.refresh_from_db()
    return bool(changed)


@transaction.atomic
def retry(*, delivery: Delivery, actor: str) -> None:
    """Deliver this one again, now, whatever became of it."""
    again(Delivery.objects.filter(pk=delivery.pk), at=timezone.now())
    _audit(delivery.endpoint, actor, "webhook.delivery_retried", delivery=str(delivery.pk))
    _wake(delivery.endpoint)
    delivery.refresh_from_db()


def again(deliveries: Any, *, at: datetime, replay_id: Any = None) -> int:
    """Make these rows due now as if they were new. What a worker holds stays with it."""
    changes: dict[str, Any] = {} if replay_id is None else {"replay_id": replay_id}
    count: int = deliveries.filter(claim="").update(
        status=Status.PENDING,
        due_at=at,
        give_up_at=at + schedule.GIVE_UP,
        tries=0,
        finished_at=None,
        **changes,
    )
    return count


@transaction.atomic
def prepare_test(*, endpoint: Endpoint, actor: str, claim: str) -> Delivery:
    """A test event for this endpoint alone, already claimed by the caller, who sends it."""
    at = timezone.now()
    event: Event = event_log.append(
        workspace_id=endpoint.workspace_id,
        type=types.WEBHOOK_TEST,
        data={"endpoint_id": str(endpoint.pk), "text": "This is a test event."},
    )
    delivery = Delivery.objects.filter(endpoint=endpoint, event=event).first()
    if delivery is None:  # a disabled endpoint gets no rows, but may be tested
        delivery = delivery_of(event, endpoint.pk, at)
    delivery.claim, delivery.due_at = claim, at + schedule.LEASE
    # One try only: a test that failed is not delivered out of the blue days later.
    delivery.give_up_at = at
    delivery.save()
    _audit(endpoint, actor, "webhook.tested")
    return delivery


def _wake(endpoint: Endpoint) -> None:
    """Workers look at what is due here as soon as this transaction is visible."""
    event_log.nudge(endpoint.workspace_id)


def _audit(endpoint: Endpoint, actor: str, action: str, **detail: Any) -> None:
    who.record(
        workspace=endpoint.workspace,
        actor=actor,
        action=action,
        target=str(endpoint.pk),
        url=endpoint.url,
        **detail,
    )
