"""`manage.py run_pipeline`: ingest from the stream into SQL, and retention."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError
from django.utils import timezone

from accounts.models import Workspace
from events import services as event_log
from messaging.ingest import Ingest
from sessions_mgr.models import SeenFact

logger = logging.getLogger(__name__)

RETENTION_INTERVAL = 3600.0  # seconds
SEEN_FACTS_KEPT = timedelta(days=8)  # longer than the stream keeps a fact


class Command(BaseCommand):
    help = "Store what workers say; forget what is older than the retention."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(_run())


async def _run() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    retention = asyncio.ensure_future(_retention(stop))
    try:
        await Ingest(stop).run()
    finally:
        stop.set()
        await retention


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
    SeenFact.objects.filter(at__lt=at - SEEN_FACTS_KEPT).delete()
    for workspace_id in Workspace.objects.values_list("pk", flat=True):
        gone = event_log.forget_before(
            workspace_id=workspace_id, at=at - timedelta(days=settings.EVENT_RETENTION_DAYS)
        )
        if gone:
            logger.info("retention: %d events gone", gone, extra={"workspace": str(workspace_id)})
