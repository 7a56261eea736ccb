"""The feed as Server-Sent Events, for those who want no websocket. Same log, same cursor.

`id:` of each frame is the event's seq, so a browser's EventSource resumes by Last-Event-ID on its
own. Comments keep the line alive. Nothing is sent that the log does not hold.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.http import StreamingHttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import lifecycle, wall
from accounts.api.authentication import KeyAuthentication
from accounts.api.documented import codes
from accounts.api.permissions import HasScope
from accounts.api.problems import Problem
from accounts.models import ApiKey
from events import hints
from events import services as event_log
from events.filters import FilterError, parse_account, parse_cursor, parse_types

from . import access

logger = logging.getLogger(__name__)

COMMENT_INTERVAL = 20.0  # seconds between comments on a quiet line
POLL_INTERVAL = 2.0  # seconds between looks without a hint
BATCH = 200
RECONNECT = 2000  # milliseconds that an EventSource waits before it comes back


class EventStream(BaseRenderer):
    """Only announces the media type, so that `Accept: text/event-stream` is understood."""

    media_type = "text/event-stream"
    format = "sse"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return json.dumps(data).encode()


class TicketAuthentication(BaseAuthentication):
    """`?ticket=`: an EventSource cannot send headers."""

    def authenticate(self, request: Request) -> tuple[Any, access.Grant] | None:
        ticket = request.query_params.get("ticket", "")
        if not ticket:
            return None
        try:
            found = access.grant_for(user=None, protocols=[], ticket=ticket, workspace_id="")
        except access.NotAuthenticated:
            raise Problem(401, "invalid_ticket", "This ticket is wrong or was used.") from None
        except access.Suspended as exc:
            raise Problem(403, lifecycle.SUSPENDED, str(exc)) from None
        wall.enter(found.workspace.pk)
        return None, found


class TicketScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the base has no types
    target_class = "realtime.sse.TicketAuthentication"
    name = "ticket"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "query", "name": "ticket"}


@dataclass(frozen=True, slots=True)
class Wish:
    grant: access.Grant
    after: int
    types: list[str] | None
    account_id: UUID | None


class EventStreamView(APIView):
    authentication_classes = [KeyAuthentication, TicketAuthentication]
    renderer_classes = [JSONRenderer, EventStream]

    def get_permissions(self) -> list[Any]:
        ticket = isinstance(getattr(self.request, "auth", None), access.Grant)
        return [AllowAny() if ticket else HasScope()]

    @extend_schema(
        summary="The feed as Server-Sent Events; resumes by Last-Event-ID",
        parameters=[
            OpenApiParameter("after", int, description="the last seq you have; default: from now"),
            OpenApiParameter(
                "Last-Event-ID", int, OpenApiParameter.HEADER, description="goes before `after`"
            ),
            OpenApiParameter("types", str, description="comma separated"),
            OpenApiParameter("account", UUID, description="only this account's events"),
        ],
        responses={
            (200, "text/event-stream"): OpenApiTypes.STR,
            401: codes("no_key", "invalid_key", "invalid_ticket"),
            404: codes("not_found"),
            410: codes("cursor_expired"),
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        wish = _wish(request)
        return StreamingHttpResponse(
            stream(wish),
            content_type="text/event-stream",
            # A proxy that buffers would hold events back.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


def _wish(request: Request) -> Wish:
    known: Any = request.auth
    assert isinstance(known, access.Grant | ApiKey)
    grant = access.grant_of_key(known) if isinstance(known, ApiKey) else known
    workspace = grant.workspace
    query = request.query_params
    try:
        wanted = request.headers.get("Last-Event-ID") or query.get("after")
        head = event_log.head(workspace.pk)
        after = parse_cursor(wanted) if wanted else head
        if after > head:
            raise FilterError("after", "this cursor lies in the future")
        types, account_id = parse_types(query.get("types")), parse_account(query.get("account"))
    except FilterError as exc:
        raise Problem(422, "invalid", str(exc), field=exc.field) from None
    if account_id and not grant.accounts().filter(pk=account_id).exists():
        raise Problem(404, "not_found", "account: there is no such account in this workspace.")
    try:
        event_log.read(workspace_id=workspace.pk, after=after, limit=1)
    except event_log.CursorExpired as exc:
        raise Problem(
            410,
            "cursor_expired",
            f"Events before {exc.oldest} are no longer kept.",
            oldest=exc.oldest,
        ) from None
    return Wish(grant, after, types, account_id)


async def stream(wish: Wish) -> AsyncIterator[bytes]:
    """Everything after the cursor, then whatever happens.

    Ends when the reader leaves, and soon after it lost the right to read.
    """
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    own = wish.grant.workspace.pk

    def hear(workspace_id: UUID, _seq: int) -> None:
        if workspace_id == own and not loop.is_closed():
            loop.call_soon_threadsafe(news.set)

    # Listen first, read second: what happens in between is read, never missed.
    await sync_to_async(hints.hear)(hear)
    cursor, next_comment = wish.after, time.monotonic() + COMMENT_INTERVAL
    try:
        yield f"retry: {RECONNECT}\n\n".encode()
        while True:
            news.clear()
            events, cursor = await database_sync_to_async(event_log.read)(
                workspace_id=own,
                after=cursor,
                limit=BATCH,
                event_types=wish.types,
                account_ids=wish.grant.scope(wish.account_id),
            )
            for event in events:
                yield frame(event.envelope())
            if time.monotonic() >= next_comment:
                next_comment = time.monotonic() + COMMENT_INTERVAL
                if not await database_sync_to_async(wish.grant.holds)():
                    return
                yield b": still here\n\n"
            if len(events) == BATCH:
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), POLL_INTERVAL)
    except event_log.CursorExpired as exc:
        # It fell behind retention while it was connected.
        yield f'event: cursor_expired\ndata: {{"oldest": {exc.oldest}}}\n\n'.encode()
    finally:
        hints.forget(hear)


def frame(envelope: dict[str, Any]) -> bytes:
    """One event. JSON has no raw line breaks, so one data line is enough."""
    data = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    return f"id: {envelope['seq']}\nevent: {envelope['type']}\ndata: {data}\n\n".encode()
