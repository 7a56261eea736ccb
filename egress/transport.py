"""The network below requests for customers: a name is resolved once and judged, then called.

httpcore asks this backend to connect to the host of the URL. TLS still checks that host's name.
With an egress proxy the backend only ever connects to the proxy, which judges the targets.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import httpcore
import httpx

from . import addresses

CONNECTIONS = 1000  # bounded per endpoint by its concurrency; this is only a backstop
# Below the 5 s after which common servers (Node, uvicorn) close an idle connection themselves.
KEEPALIVE = 4.0  # seconds

Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, in the system's order of preference. OSError when it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class JudgingBackend(httpcore.AsyncNetworkBackend):
    """Refuses a name when any of its addresses is private, else connects to one that it judged."""

    def __init__(self, *, allow_private: bool, resolve: Resolve = resolve) -> None:
        self._allow_private, self._resolve = allow_private, resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await asyncio.wait_for(self._resolve(host, port), timeout)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"{host} was not resolved in time") from None
        except (OSError, UnicodeError):
            raise httpcore.ConnectError(f"the name {host} cannot be resolved") from None
        if not self._allow_private:
            for address in found:
                addresses.check_address(address)
        problem: Exception = httpcore.ConnectError(f"the name {host} has no address")
        for address in found:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                problem = exc
        raise problem

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        raise addresses.Refused("nothing goes to a socket file")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def make_pool(
    *,
    allow_private: bool,
    proxy: str = "",
    resolve: Resolve = resolve,
    ssl_context: ssl.SSLContext | None = None,
) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=ssl_context or httpx.create_ssl_context(),
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=KEEPALIVE,
        proxy=httpcore.Proxy(proxy) if proxy else None,
        network_backend=JudgingBackend(
            # The proxy's own address is the operator's word, not a customer's.
            allow_private=allow_private or bool(proxy),
            resolve=resolve,
        ),
    )


async def close(pool: httpcore.AsyncConnectionPool) -> None:
    with suppress(Exception):
        await pool.aclose()
