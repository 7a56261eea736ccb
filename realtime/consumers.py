"""The feed: hello, snapshot, then events in order by cursor. Server to client only.

What is sent comes from the log, through the tail that all sockets of a workspace share or straight
from the database, so nothing can be lost between a hint and a reconnect. One task per socket sends,
so order is the log's order.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from accounts import lifecycle, wall
from accounts.models import Workspace
from events import services as event_log
from events.filters import FilterError, parse_account, parse_cursor, parse_types
from sessions_mgr.api.serializers import AccountSerializer

from . import access
from .tails import Tail, here

logger = logging.getLogger(__name__)

UNAUTHENTICATED = 4401
BAD_REQUEST = 4400
SUSPENDED = 4403
NOT_FOUND = 4404
TOO_SLOW = 4408
CURSOR_EXPIRED = 4410
PING_INTERVAL = 20.0  # seconds
POLL_INTERVAL = 2.0  # seconds between looks without a hint
BATCH = 200
SEND_TIMEOUT = 10.0  # seconds one frame may take to leave


class EventsConsumer(AsyncJsonWebsocketConsumer):
    """`/ws/v1/events?after=&types=&account=&workspace=`; see CONTRACT, section 4."""

    workspace: Workspace | None = None
    feeder: asyncio.Task[None] | None = None
    tail: Tail | None = None

    async def connect(self) -> None:
        offered: list[str] = self.scope.get("subprotocols", [])
        await self.accept(access.PROTOCOL if access.PROTOCOL in offered else None)
        query = {
            name: values[-1]
            for name, values in parse_qs(self.scope["query_string"].decode("latin-1")).items()
        }
        try:
            await self._open(query, offered)
        except access.NotAuthenticated:
            await self.close(UNAUTHENTICATED)
        except access.Suspended as exc:
            await self.send_json({"type": "error", "code": lifecycle.SUSPENDED, "detail": str(exc)})
            await self.close(SUSPENDED)
        except access.NotFound:
            await self.close(NOT_FOUND)
        except FilterError as exc:
            await self.send_json({"type": "error", "code": "invalid", "detail": str(exc)})
            await self.close(BAD_REQUEST)

    async def _open(self, query: dict[str, str], offered: list[str]) -> None:
        session = self.scope.get("session")
        self.grant = await database_sync_to_async(access.grant_for)(
            user=self.scope.get("user"),
            protocols=offered,
            ticket=query.get("ticket", ""),
            workspace_id=query.get("workspace", ""),
            login=(session.session_key or "") if session is not None else "",
        )
        self.workspace = self.grant.workspace
        wall.enter(self.workspace.pk)  # of this socket's task, and of what it starts
        self.types = parse_types(query.get("types"))
        self.account_id = parse_account(query.get("account"))
        self.scope_ids = self.grant.scope(self.account_id)
        await database_sync_to_async(self._check_account)()
        head = await database_sync_to_async(event_log.head)(self.workspace.pk)
        self.cursor = parse_cursor(query["after"]) if query.get("after") else head
        if self.cursor > head:
            raise FilterError("after", "this cursor lies in the future")
        self.news = asyncio.Event()
        # Join first, read second: what happens in between is read, never missed.
        self.tail = await here().join(self.workspace.pk, self.news)
        await self.send_json({"type": "hello", "workspace": str(self.workspace.pk), "seq": head})
        if not query.get("after"):
            await self.send_json(
                {"type": "snapshot", "accounts": await database_sync_to_async(self._accounts)()}
            )
        self.feeder = asyncio.ensure_future(self._feed())

    def _check_account(self) -> None:
        if self.account_id and not self.grant.accounts().filter(pk=self.account_id).exists():
            raise access.NotFound

    def _accounts(self) -> list[dict[str, Any]]:
        accounts = self.grant.accounts().present()
        if self.account_id:
            accounts = accounts.filter(pk=self.account_id)
        accounts = accounts.select_related("session").order_by("created_at", "id")
        return [_plain(AccountSerializer(account).data) for account in accounts]

    async def _feed(self) -> None:
        """Send everything after the cursor, then wait for news; ping now and then."""
        next_ping = time.monotonic() + PING_INTERVAL
        try:
            while True:
                self.news.clear()
                more = await self._send_batch()
                if time.monotonic() >= next_ping:
                    next_ping = time.monotonic() + PING_INTERVAL
                    if not await database_sync_to_async(self.grant.holds)():
                        await self.close(UNAUTHENTICATED)
                        return
                    await self._send({"type": "ping"})
                if more:
                    continue
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), POLL_INTERVAL)
        except event_log.CursorExpired as exc:
            await self.send_json({"type": "cursor_expired", "oldest": exc.oldest})
            await self.close(CURSOR_EXPIRED)
        except TimeoutError:
            logger.info("feed: closed a socket that does not read")
            await self.close(TOO_SLOW)
        except Exception:
            logger.exception("feed: broken, closing the socket; the client resumes by cursor")
            await self.close(1011)

    async def _send_batch(self) -> bool:
        """True when there may be more."""
        assert self.workspace is not None and self.tail is not None
        shared = self.tail.after(self.cursor, self.types, self.scope_ids)
        if shared is not None:
            entries, cursor = shared
            for entry in entries:
                await self._send_text(entry.text)
            self.cursor = cursor
            return False
        events, self.cursor = await database_sync_to_async(event_log.read)(
            workspace_id=self.workspace.pk,
            after=self.cursor,
            limit=BATCH,
            event_types=self.types,
            account_ids=self.scope_ids,
        )
        for event in events:
            await self._send(event.envelope())
        return len(events) == BATCH

    async def _send(self, frame: dict[str, Any]) -> None:
        await self._send_text(json.dumps(frame))

    async def _send_text(self, text: str) -> None:
        async with asyncio.timeout(SEND_TIMEOUT):
            await self.send(text_data=text)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Clients have nothing to say here; commands go through the REST API."""

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Whatever a client sends is dropped unread."""

    async def disconnect(self, code: int) -> None:
        if self.feeder is not None:
            self.feeder.cancel()
            await asyncio.gather(self.feeder, return_exceptions=True)
        if self.workspace is not None and self.tail is not None:
            await here().leave(self.workspace.pk, self.news)


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """Serializer output with ids as text, for JSON."""
    return {name: str(value) if isinstance(value, UUID) else value for name, value in data.items()}
