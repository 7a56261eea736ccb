"""Which pages may open the feed. The rule protects logins: only a browser sends their cookie along.

A connection that brings a key or a ticket does not use the cookie (see access.py), so it may come
from any page. One without an Origin comes from a program, not from a page. Everybody else must be
a page of this installation: scheme, host and port, as cookies know no ports, and another program on
the same host would have them sent along.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from .access import BEARER


class LoginOrigins:
    def __init__(self, application: Any) -> None:
        self._open = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        origin = header(scope, b"origin")
        free = origin is None or brings_credentials(scope)
        let_in = free or is_ours(origin or "", header(scope, b"host") or "")
        return await (self._open if let_in else WebsocketDenier())(scope, receive, send)


def is_ours(origin: str, host: str) -> bool:
    """Whether a page of `origin` is one of this installation, which is asked for as `host`."""
    if origin == settings.PUBLIC_URL:
        return True
    domain, _port = split_domain_port(host.lower())
    scheme = "https" if settings.SECURE_PUBLIC else "http"
    return origin == f"{scheme}://{host}" and validate_host(domain, settings.ALLOWED_HOSTS)


def header(scope: dict[str, Any], wanted: bytes) -> str | None:
    """The header's only value. None without one; nothing that anybody is, when there are more."""
    found = [v.decode("latin-1") for name, v in scope.get("headers", []) if name.lower() == wanted]
    return ", ".join(found) if found else None


def brings_credentials(scope: dict[str, Any]) -> bool:
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    offered = scope.get("subprotocols", [])
    return bool(query.get("ticket", [""])[-1]) or any(p.startswith(BEARER) for p in offered)
