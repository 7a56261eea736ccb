"""Send a test event to one endpoint now, whatever its state, and say how it went."""

from __future__ import annotations

from uuid import uuid4

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils import timezone

from egress.transport import close, make_pool

from . import ledger, secrets, services
from .models import Delivery, Endpoint
from .sender import Outcome, Parcel, Sender, encode


def send_test(*, endpoint: Endpoint, actor: str) -> Delivery:
    """One try, recorded like every other. Takes up to sender.TIMEOUT."""
    claim = f"test:{uuid4().hex}"
    delivery = services.prepare_test(endpoint=endpoint, actor=actor, claim=claim)
    claimed = ledger.Claimed(
        delivery_id=delivery.pk,
        endpoint_id=endpoint.pk,
        lane="",
        ordered=False,
        probe=False,
        parcel=None,
    )
    outcome = _send(endpoint, delivery)
    ledger.record(claim=claim, at=timezone.now(), reports=[ledger.Report(claimed, outcome)])
    delivery.refresh_from_db()
    return delivery


def _send(endpoint: Endpoint, delivery: Delivery) -> Outcome:
    try:
        parcel = Parcel(
            url=endpoint.url,
            event_id=delivery.event_id,
            body=encode(delivery.event.envelope()),
            secrets=endpoint.secrets_at(timezone.now()),
            headers=endpoint.headers,
        )
    except secrets.Unreadable:
        return Outcome(
            ok=False,
            at=timezone.now().timestamp(),
            duration_ms=0,
            error=ledger.KEY_LOST,
        )
    return async_to_sync(_once)(parcel)


async def _once(parcel: Parcel) -> Outcome:
    allow_private = settings.WEBHOOK_ALLOW_PRIVATE
    pool = make_pool(allow_private=allow_private, proxy=settings.WEBHOOK_PROXY)
    try:
        return await Sender(pool, allow_private=allow_private).send(parcel)
    finally:
        await close(pool)
