"""The pipeline's small work: purges of deleted workspaces, mails about numbers."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from accounts import purging
from messaging.background import in_thread
from sessions_mgr import notices

logger = logging.getLogger(__name__)

LOOK = 2.0  # seconds between looks when there is nothing to do


async def run(stop: asyncio.Event, gate: AbstractAsyncContextManager[Any]) -> None:
    """`gate` is held around each bit of a purge, where writers of one process must take turns; not
    around mails: nobody waits for a mail server. A thread of its own, for the same reason."""
    while not stop.is_set():
        more = False
        try:
            await in_thread(lambda: notices.send_due(timezone.now()))
            async with gate:
                more = await in_thread(lambda: purging.advance(timezone.now()))
        except DatabaseError:
            logger.exception("chores: the database refused a turn")
        if not more:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK)
