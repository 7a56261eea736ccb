"""Where a request comes from, and when. What audit.py writes down of it is set once per request.

A context variable carries it, so that no service needs a parameter for it and none can forget it.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

HEADER = "X-Request-Id"
ARRIVED = "switchboard.arrived"  # of an ASGI scope
_GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


@dataclass(frozen=True, slots=True)
class Origin:
    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""


NOWHERE = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def current() -> Origin:
    """The origin of the running request; empty for what the system does by itself."""
    return _current.get()


@contextmanager
def coming_from(origin: Origin) -> Iterator[Origin]:
    token = _current.set(origin)
    try:
        with structlog.contextvars.bound_contextvars(request_id=origin.request_id):
            yield origin
    finally:
        _current.reset(token)


def client_ip(request: HttpRequest) -> str | None:
    """The address of the client. X-Forwarded-For counts only as far as our own proxies wrote it.

    With TRUSTED_PROXIES=n the n-th address from the right is what the outermost of them saw.
    """
    seen = request.META.get("REMOTE_ADDR", "")
    hops = settings.TRUSTED_PROXIES
    if hops:
        chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(chain) >= hops:
            seen = chain[-hops]
    try:
        return str(ipaddress.ip_address(seen))
    except ValueError:
        return None


def arrival(request: HttpRequest) -> float:
    """When the request came in, by time.monotonic(): on a busy machine some time ago."""
    known: float = getattr(request, "scope", {}).get(ARRIVED) or time.monotonic()
    return known


def origin_of(request: HttpRequest) -> Origin:
    given = request.headers.get(HEADER, "")
    return Origin(
        ip=client_ip(request),
        user_agent=request.headers.get("User-Agent", "")[:300],
        request_id=given if _GIVEN.fullmatch(given) else secrets.token_hex(8),
    )


@sync_and_async_middleware
def middleware(get_response: Any) -> Any:
    """Everything that a request does knows where it came from; the answer names the request."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> Any:
            with coming_from(origin_of(request)) as origin:
                response = await get_response(request)
            response.headers[HEADER] = origin.request_id
            return response

        return later

    def now(request: HttpRequest) -> Any:
        with coming_from(origin_of(request)) as origin:
            response = get_response(request)
        response.headers[HEADER] = origin.request_id
        return response

    return now
