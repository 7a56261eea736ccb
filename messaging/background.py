"""The pipeline's enrichment: contacts and pictures, bounded, and never in the way of messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from . import enrichment, inbox
from .avatars import poison, renewal

logger = logging.getLogger(__name__)

INTERVAL = 0.5  # seconds between turns
HOUSEKEEPING = 60.0  # seconds between looks for pictures of deleted accounts
AT_ONCE = 4  # questions to workers under way, of each kind

T = TypeVar("T")


class Enricher:
    """Turns until `stop` is set. What goes wrong in one is told and tried again in the next."""

    def __init__(
        self, stop: asyncio.Event, gate: AbstractAsyncContextManager[Any] | None = None
    ) -> None:
        """`gate` is held around writes, where writers of one process must take turns."""
        self._stop = stop
        self._gate = gate or nullcontext()
        self._next_housekeeping = 0.0

    async def run(self) -> None:
        while not self._stop.is_set():
            try:
                await self.turn()
            except Exception:
                logger.exception("a turn of the enrichment broke; the next one starts soon")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), INTERVAL)

    async def turn(self) -> None:
        await asyncio.gather(self._contacts(), self._pictures())
        if asyncio.get_running_loop().time() >= self._next_housekeeping:
            self._next_housekeeping = asyncio.get_running_loop().time() + HOUSEKEEPING
            await self._write(renewal.forget_deleted)

    async def _contacts(self) -> None:
        claimed = await self._write(lambda: enrichment.take(timezone.now(), AT_ONCE))
        await asyncio.gather(*(self._look_up(one) for one in claimed))

    async def _look_up(self, claimed: enrichment.Claimed) -> None:
        fact = await in_thread(lambda: enrichment.look_up(claimed))
        await self._write(
            lambda: enrichment.settle(claimed, fact, now=timezone.now(), learn=inbox.record)
        )

    async def _pictures(self) -> None:
        await self._write(lambda: poison.judge_all(timezone.now()))
        if not settings.AVATAR_FETCH_ENABLED:
            return
        due = await self._write(lambda: renewal.due(timezone.now(), AT_ONCE))
        await asyncio.gather(*(in_thread(partial(renewal.renew, avatar)) for avatar in due))

    async def _write(self, work: Callable[[], T]) -> T:
        async with self._gate:
            return await in_thread(work)


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread that gives its database connection back."""

    def run() -> T:
        close_old_connections()
        try:
            return work()
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return await sync_to_async(run, thread_sensitive=False)()
