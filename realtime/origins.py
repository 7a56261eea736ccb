"""Which pages may open the feed. The rule protects logins: only a browser sends their cookie along.

A connection that brings a key or a ticket does not use the cookie (see access.py), so it may come
from any page. One without an Origin comes from a program, not from a page. Everybody else must be
a page of this installation.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from channels.security.websocket import AllowedHostsOriginValidator

from .access import BEARER


class LoginOrigins:
    def __init__(self, application: Any) -> None:
        self._open = application
        self._same_site = AllowedHostsOriginValidator(application)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        free = brings_credentials(scope) or not any(
            name.lower() == b"origin" for name, _value in scope.get("headers", [])
        )
        return await (self._open if free else self._same_site)(scope, receive, send)


def brings_credentials(scope: dict[str, Any]) -> bool:
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    offered = scope.get("subprotocols", [])
    return bool(query.get("ticket", [""])[-1]) or any(p.startswith(BEARER) for p in offered)
