"""A delivery worker that a test drives by hand: real HTTP, a clock that only the test moves."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from channels.db import database_sync_to_async as in_thread
from django.utils import timezone

from egress.transport import close, make_pool, resolve
from webhooks import ledger
from webhooks.models import Delivery, Endpoint
from webhooks.sender import Sender
from webhooks.worker import DeliveryWorker


class Courier:
    def __init__(self, worker: DeliveryWorker, start: datetime) -> None:
        self.worker, self.now = worker, start

    async def step(self) -> int:
        """One turn and everything that it sent. How many deliveries were tried."""
        count = await self.worker.step()
        await self.worker.settle()
        return count

    async def until_quiet(self) -> None:
        """Everything that is due now."""
        while await self.step():
            pass

    async def pass_time(self, span: timedelta) -> None:
        """Let `span` pass; whatever becomes due on the way is tried at its own time."""
        end = self.now + span
        while True:
            await self.until_quiet()
            due = await in_thread(next_look)(self.now)
            if due is None or due > end:
                break
            self.now = max(due, self.now + timedelta(milliseconds=1))
        self.now = end
        await in_thread(ledger.give_up)(self.now)
        await self.until_quiet()


def next_look(now: datetime) -> datetime | None:
    """When the next delivery or probe is due after `now`."""
    times = []
    for endpoint in Endpoint.objects.active():
        waiting = Delivery.objects.pending().filter(endpoint=endpoint).order_by("due_at").first()
        if waiting is None:
            continue
        if endpoint.circuit == "open":
            times.append(endpoint.resume_at)
        else:
            times.append(max(waiting.due_at, endpoint.resume_at or waiting.due_at))
    return min((at for at in times if at > now), default=None)


@asynccontextmanager
async def courier(*, allow_private=True, seconds=10.0, proxy="", resolve=resolve, **pool):
    """`async with courier() as it:`; time begins now and moves only by `it`."""
    made = make_pool(allow_private=allow_private, proxy=proxy, resolve=resolve, **pool)
    # Ahead of the clock by which events are written, so that all of them are due.
    it = Courier(None, timezone.now() + timedelta(minutes=1))  # type: ignore[arg-type]  # its worker is made below
    it.worker = DeliveryWorker(
        asyncio.Event(),
        Sender(
            made,
            allow_private=allow_private,
            timeout=seconds,
            clock=lambda: it.now.astimezone(UTC).timestamp(),
        ),
        clock=lambda: it.now,
    )
    try:
        yield it
    finally:
        await it.worker.settle()
        await it.worker.aclose()
        await close(made)
