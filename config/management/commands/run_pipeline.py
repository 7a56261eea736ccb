"""`manage.py run_pipeline`: ingest from the stream into SQL, webhooks, files, retention."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from config import chores, pauses, retention
from messaging.background import Enricher
from messaging.ingest import Ingest
from messaging.media.fetcher import fetch_files
from messaging.outbox.dispatcher import dispatch
from webhooks.worker import deliver

logger = logging.getLogger(__name__)

# A thread that stores facts is busy with Python for long; the loop that sends webhooks needs the
# interpreter often and briefly. With the usual 5 ms it waits longer than it works.
SWITCH_INTERVAL = 0.0005  # seconds
REST = 2.0  # seconds before a loop that broke starts again


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
    gate = _turns()
    loops = [
        asyncio.ensure_future(_keep("webhook delivery", stop, lambda: deliver(stop, gate))),
        asyncio.ensure_future(_keep("fetching files", stop, lambda: fetch_files(stop, gate))),
        asyncio.ensure_future(_keep("sending", stop, lambda: dispatch(stop, gate))),
        asyncio.ensure_future(_keep("enrichment", stop, Enricher(stop, gate).run)),
        asyncio.ensure_future(_keep("chores", stop, lambda: chores.run(stop, gate))),
        asyncio.ensure_future(_keep("retention", stop, lambda: retention.run(stop))),
    ]
    try:
        await Ingest(stop, gate).run()
    finally:
        stop.set()
        await asyncio.gather(*loops)


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
