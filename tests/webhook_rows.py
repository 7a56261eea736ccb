"""Endpoints, events and what became of them, for tests of webhooks."""

from __future__ import annotations

from uuid import uuid4

from channels.db import database_sync_to_async as in_thread

from events import services as event_log
from tests.couriers import courier
from tests.factories import WorkspaceFactory, endpoint
from tests.receiver import Receiver
from webhooks.models import Attempt, Delivery

A, B = uuid4(), uuid4()


@in_thread
def hook(url, **fields):
    return endpoint(WorkspaceFactory(), url, **fields)


@in_thread
def happen(to, n=1, account=A, kind="message", **data):
    return [
        event_log.append(
            workspace_id=to.workspace_id, type=kind, account_id=account, data={"n": i, **data}
        )
        for i in range(n)
    ]


@in_thread
def statuses(to):
    return list(
        Delivery.objects.filter(endpoint=to).order_by("seq").values_list("status", flat=True)
    )


@in_thread
def attempts(to):
    return list(Attempt.objects.filter(endpoint=to).order_by("pk"))


@in_thread
def fresh(row):
    row.refresh_from_db()
    return row


async def one_attempt(answer, **how):
    """An event, one turn; the endpoint, the delivery and the attempt afterwards."""
    with Receiver(answer) as server:
        to = await hook(server.url)
        await happen(to)
        async with courier(**how) as it:
            await it.step()
            delivery = await in_thread(Delivery.objects.get)(endpoint=to)
            return await fresh(to), delivery, (await attempts(to))[0], it.now
