"""Every request and every websocket begins without a tenant, and ends without one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from accounts import wall


class WalledRequests:
    """Middleware, the outermost. Whoever proves the tenant calls wall.enter."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with wall.closed():
            response = self._get_response(request)
            if isinstance(response, StreamingHttpResponse):
                _carry_on(response, wall.current())
            return response

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """The admin shows what belongs to the installation; accounts/admin.py says which models."""
        found = request.resolver_match
        if found and found.app_name == "admin" and request.user.is_staff:
            wall.enter_everything()


def _carry_on(response: StreamingHttpResponse, workspace: str) -> None:
    """What is streamed later is read as the workspace that the view was in."""
    content: Any = response.streaming_content
    if response.is_async:
        response.streaming_content = _later_async(content, workspace)
    else:
        response.streaming_content = _later(content, workspace)


def _later(content: Iterator[bytes], workspace: str) -> Iterator[bytes]:
    parts = iter(content)
    try:
        while True:
            with wall.inside(workspace):
                part = next(parts, None)
            if part is None:
                return
            yield part
    finally:
        if hasattr(parts, "close"):
            parts.close()


async def _later_async(content: AsyncIterator[bytes], workspace: str) -> AsyncIterator[bytes]:
    parts = aiter(content)
    try:
        while True:
            with wall.inside(workspace):
                part = await anext(parts, None)
            if part is None:
                return
            yield part
    finally:
        if hasattr(parts, "aclose"):
            await parts.aclose()


class WalledSockets:
    """ASGI application around the websockets: each connection is a task with a wall of its own."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        with wall.closed():
            return await self._application(scope, receive, send)
