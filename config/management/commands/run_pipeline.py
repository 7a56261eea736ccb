"""`manage.py run_pipeline`: ingest from the stream into SQL, webhooks, files, retention."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts import preferences
from accounts.models import Workspace
from config import chores, pauses
from events import services as event_log
from messaging.background import Enricher
from messaging.ingest import Ingest
from messaging.media import retention as media_retention
from messaging.media import usage as media_usage
from messaging.media.fetcher import fetch_files
from messaging.outbox import uploads
from messaging.outbox.dispatcher import dispatch
from messaging.retention import forget_messages
from sessions_mgr.models import SeenFact
from webhooks import retention as webhook_retention
from webhooks.worker import deliver

logger = logging.getLogger(__name__)

RETENTION_INTERVAL = 3600.0  # seconds
# A thread that stores facts is busy with Python for long; the loop that sends webhooks needs the
# interpreter often and briefly. With the usual 5 ms it waits longer than it works.
SWITCH_INTERVAL = 0.0005  # seconds
REST = 2.0  # seconds before a loop that broke starts again
SEEN_FACTS_KEPT = timedelta(days=8)  # longer than the stream keeps a fact


class Command(BaseCommand):
    help = "Store what workers say; tell webhooks; fetch files; forget what has become old."

    def handle(self, *args: Any, **options: Any) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL)
        pauses.shorten()
        asyncio.run(_run())


async def _run() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    retention = asyncio.ensure_future(_retention(stop))
    gate = _turns()
    loops = [
        asyncio.ensure_future(_keep("webhook delivery", stop, lambda: deliver(stop, gate))),
        asyncio.ensure_future(_keep("fetching files", stop, lambda: fetch_files(stop, gate))),
        asyncio.ensure_future(_keep("sending", stop, lambda: dispatch(stop, gate))),
        asyncio.ensure_future(_keep("enrichment", stop, Enricher(stop, gate).run)),
        asyncio.ensure_future(_keep("chores", stop, lambda: chores.run(stop, gate))),
    ]
    try:
        await Ingest(stop, gate).run()
    finally:
        stop.set()
        await asyncio.gather(*loops, retention)


def _turns() -> AbstractAsyncContextManager[Any]:
    """SQLite has one writer, and lets whoever comes back first write again: so take turns, fairly.

    PostgreSQL needs none of this.
    """
    return asyncio.Lock() if connection.vendor == "sqlite" else nullcontext()


async def _keep(name: str, stop: asyncio.Event, run: Callable[[], Awaitable[None]]) -> None:
    """Trouble with one of the loops never keeps ingest from running, nor the other way round."""
    while not stop.is_set():
        try:
            await run()
        except Exception:
            logger.exception("%s broke; it starts again", name)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), REST)


async def _retention(stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await sync_to_async(forget_old)()
        except DatabaseError:
            logger.exception("retention did not run; next try in an hour")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), RETENTION_INTERVAL)


def forget_old() -> None:
    at = timezone.now()
    webhook_retention.forget_old(at)
    media_retention.forget_old(at)
    uploads.forget_expired(at)
    SeenFact.objects.filter(at__lt=at - SEEN_FACTS_KEPT).delete()
    for workspace_id in Workspace.objects.values_list("pk", flat=True):
        wishes = preferences.of(workspace_id)
        gone = event_log.forget_before(
            workspace_id=workspace_id, at=at - timedelta(days=wishes.event_retention_days)
        )
        if wishes.message_retention_days:
            before = at - timedelta(days=wishes.message_retention_days)
            gone += forget_messages(workspace_id=workspace_id, before=before)
        media_usage.recount(workspace_id)
        if gone:
            logger.info(
                "retention: %d events and messages gone",
                gone,
                extra={"workspace": str(workspace_id)},
            )
