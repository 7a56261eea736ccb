"""The pipeline's loop that fetches files: takes what is due, a few at once, and writes it down.

Any number may run. Messages never wait for it: the row of a file is made with its message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from sessions_mgr import claimants

from ..models import Media
from ..models.media import media_storage
from . import claims, schedule
from .claims import Fetched, Refused
from .fetching import fetch, renewed_locator

logger = logging.getLogger(__name__)

INTERVAL = 0.5  # seconds between looks
RETRY_DELAY = 2.0  # seconds after the database refused a turn
STOP_GRACE = 2.0  # seconds that files under way get at the end

T = TypeVar("T")


class MediaFetcher:
    """`run` until `stop` is set. Tests drive `step` and `settle` with a clock of their own."""

    def __init__(
        self,
        stop: asyncio.Event,
        gate: AbstractAsyncContextManager[Any] | None = None,
        *,
        at_once: int | None = None,
        clock: Callable[[], datetime] = timezone.now,
    ) -> None:
        """`gate` is held around writes, where writers of one process must take turns."""
        self._stop, self._clock = stop, clock
        self._gate = gate or nullcontext()
        self._at_once = at_once or settings.MEDIA_DOWNLOADS
        self.claim = claimants.new()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(self._at_once + 1, thread_name_prefix="media")

    async def run(self) -> None:
        try:
            while not self._stop.is_set():
                pause = INTERVAL
                try:
                    await self.step()
                except DatabaseError as exc:
                    logger.warning("media: the database refused a turn: %s", exc)
                    pause = RETRY_DELAY
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), pause)
        finally:
            await self._finish()

    async def step(self) -> int:
        """Start what is due and fits. How many files that is."""
        room = self._at_once - len(self._tasks)
        if room <= 0:
            return 0
        taken = await self._write(
            lambda: claims.take(claim=self.claim, at=self._clock(), room=room)
        )
        for file in taken:
            task = asyncio.ensure_future(self._fetch(file))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(taken)

    async def settle(self) -> None:
        """Wait until all files under way have ended."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _fetch(self, file: Media) -> None:
        """One file. Trouble with it is written down, and is no other file's trouble."""
        outcome: Fetched | Refused
        try:
            await self._in_thread(lambda: claims.check_room(file))
            outcome = await self._in_thread(lambda: fetch(file))
        except Refused as exc:
            outcome = exc
        except Exception as exc:
            logger.exception("fetching a file broke", extra={"media": str(file.pk)})
            outcome = Refused("internal", f"{type(exc).__name__}")
        try:
            await self._record(file, outcome)
        except Exception:
            # Its lease runs out, and somebody fetches it again.
            logger.exception("what became of a file was not written down")
            if isinstance(outcome, Fetched):
                await self._discard(outcome)

    async def _record(self, file: Media, outcome: Fetched | Refused) -> None:
        at = self._clock()
        if isinstance(outcome, Refused):
            logger.info(
                "a file was not fetched: %s",
                outcome.detail,
                extra={"media": str(file.pk), "code": outcome.code},
            )
            locator = await self._renewed(file, outcome)
            await self._write(
                lambda: (
                    claims.renewed(file, locator, claim=self.claim, at=at)
                    if locator
                    else claims.refused(file, outcome, claim=self.claim, at=at)
                )
            )
            return
        try:
            mine = await self._write(lambda: claims.stored(file, outcome, claim=self.claim, at=at))
        except Refused as exc:
            await self._discard(outcome)
            await self._record(file, exc)
            return
        if not mine:
            await self._discard(outcome)

    async def _renewed(self, file: Media, outcome: Refused) -> str:
        """Where a file that is gone can be fetched now, if the phone was asked and has it."""
        if outcome.code != schedule.GONE or file.attempts >= schedule.MOST_RENEWALS:
            return ""
        return await self._in_thread(lambda: renewed_locator(file))

    async def _discard(self, fetched: Fetched) -> None:
        """Somebody else has taken over: their copy counts."""
        await self._in_thread(lambda: media_storage().delete(fetched.name))

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=STOP_GRACE)
        with suppress(DatabaseError):
            await self._write(lambda: claims.give_back(self.claim, self._clock()))
        for task in set(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _write(self, work: Callable[[], T]) -> T:
        async with self._gate:
            return await self._in_thread(work)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        def call() -> T:
            close_old_connections()
            try:
                return work()
            finally:
                connection.close()

        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


async def fetch_files(
    stop: asyncio.Event, gate: AbstractAsyncContextManager[Any] | None = None
) -> None:
    """A fetcher with this installation's settings."""
    await MediaFetcher(stop, gate).run()
