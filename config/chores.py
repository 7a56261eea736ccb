"""The pipeline's small work: purges of deleted workspaces, mails about numbers."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from accounts import purging
from sessions_mgr import notices

logger = logging.getLogger(__name__)

LOOK = 2.0  # seconds between looks when there is nothing to do
BITS = 10  # of a purge per turn, so that other writers of SQLite come in between


def turn() -> bool:
    """Some of what is due. True when there may be more at once."""
    notices.send_due(timezone.now())
    more = False
    for _ in range(BITS):
        more = purging.advance(timezone.now())
        if not more:
            break
    return more


def _turn_in_thread() -> bool:
    """Where no request begins and ends: a broken connection is not used again."""
    close_old_connections()
    return turn()


async def run(stop: asyncio.Event, gate: AbstractAsyncContextManager[Any]) -> None:
    """`gate` is held around each turn, where writers of one process must take turns."""
    while not stop.is_set():
        more = False
        try:
            async with gate:
                more = await sync_to_async(_turn_in_thread)()
        except DatabaseError:
            logger.exception("chores: the database refused a turn")
        if not more:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK)
