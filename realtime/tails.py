"""The newest events of a workspace, read and written as JSON once for all its sockets.

Hundreds of sockets that each asked the database after every hint would be its only work. Instead
one reader per workspace and process follows the log and wakes the sockets. It is a shortcut, never
the truth: whoever is further behind than the tail reaches reads the log, and so does everybody
where a code may have been blanked since.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.db import DatabaseError

from events import hints, types
from events import services as event_log

logger = logging.getLogger(__name__)

KEPT = 2000  # events
BATCH = 500
POLL_INTERVAL = 2.0  # seconds between looks without a hint
REST = 0.005  # seconds between two reads: a burst of hints is one read


@dataclass(frozen=True, slots=True)
class Entry:
    seq: int
    type: str
    account_id: UUID | None
    text: str  # the envelope as JSON


class Tail:
    """Follows one log from the moment of its making until nobody listens any more."""

    def __init__(self, workspace_id: UUID, head: int) -> None:
        self._workspace_id = workspace_id
        self._entries: deque[Entry] = deque()
        self._from = self._head = head
        self._hinted = asyncio.Event()
        self.listeners: set[asyncio.Event] = set()
        self._reader = asyncio.ensure_future(self._follow())

    def hint(self, seq: int) -> None:
        if seq > self._head:
            self._hinted.set()

    def after(
        self,
        cursor: int,
        event_types: Collection[str] | None,
        account_ids: Collection[UUID] | None,
    ) -> tuple[list[Entry], int] | None:
        """The entries after the cursor that fit, and the next cursor. None: ask the log."""
        if cursor < self._from:
            return None
        new: list[Entry] = []
        for entry in reversed(self._entries):
            if entry.seq <= cursor:
                break
            if event_types is not None and entry.type not in event_types:
                continue
            if account_ids is not None and entry.account_id not in account_ids:
                continue
            if entry.type in types.SECRET:
                return None
            new.append(entry)
        new.reverse()
        return new, max(cursor, self._head)

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hinted.wait(), POLL_INTERVAL)
            self._hinted.clear()
            try:
                while await self._read():
                    pass
            except (DatabaseError, event_log.CursorExpired):
                logger.exception("feed: the log could not be read; trying again")
                await asyncio.sleep(POLL_INTERVAL)
            await asyncio.sleep(REST)

    async def _read(self) -> bool:
        """True when there may be more."""
        events, head = await database_sync_to_async(event_log.read)(
            workspace_id=self._workspace_id, after=self._head, limit=BATCH
        )
        for event in events:
            self._entries.append(
                Entry(event.seq, event.type, event.account_id, json.dumps(event.envelope()))
            )
        while len(self._entries) > KEPT:
            self._from = self._entries.popleft().seq
        if head != self._head:
            self._head = head
            for news in self.listeners:
                news.set()
        return len(events) == BATCH

    async def stop(self) -> None:
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader


class Tails:
    """The tails of one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tails: dict[UUID, Tail] = {}
        self._making = asyncio.Lock()

    def hear(self, workspace_id: UUID, seq: int) -> None:
        """A hint, in any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._heard, workspace_id, seq)

    def _heard(self, workspace_id: UUID, seq: int) -> None:
        if tail := self._tails.get(workspace_id):
            tail.hint(seq)

    async def join(self, workspace_id: UUID, news: asyncio.Event) -> Tail:
        """`news` is set whenever there is something new, until `leave`."""
        async with self._making:
            await sync_to_async(hints.hear)(self.hear)
            tail = self._tails.get(workspace_id)
            if tail is None:
                head = await database_sync_to_async(event_log.head)(workspace_id)
                tail = self._tails[workspace_id] = Tail(workspace_id, head)
            tail.listeners.add(news)
            return tail

    async def leave(self, workspace_id: UUID, news: asyncio.Event) -> None:
        async with self._making:
            tail = self._tails.get(workspace_id)
            if tail is None:
                return
            tail.listeners.discard(news)
            if not tail.listeners:
                del self._tails[workspace_id]
                await tail.stop()


_of_loops: dict[asyncio.AbstractEventLoop, Tails] = {}


def here() -> Tails:
    """The tails of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loops:
        _of_loops[loop] = Tails()
    return _of_loops[loop]


def forget_here() -> None:
    """Forget this event loop (tests; a process simply exits)."""
    tails = _of_loops.pop(asyncio.get_running_loop(), None)
    if tails is not None:
        hints.forget(tails.hear)
