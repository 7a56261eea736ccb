"""A file from a URL that a customer named, without letting the URL reach into our network.

The same guard as for webhooks (egress/): names are judged by all their addresses and the judged one
is called. Each redirect is judged like a first URL. Size and the time of everything together are
bounded, and the bytes go into a file as they come.
"""

from __future__ import annotations

import asyncio
from typing import IO
from urllib.parse import unquote, urljoin, urlsplit

import httpcore

from egress.addresses import DEFAULT_PORTS, Refused, Target, parse

from .errors import MEDIA_REFUSED, MEDIA_TOO_LARGE, MEDIA_UNREACHABLE, MediaProblem

DEADLINE = 120.0  # seconds for everything together, redirects included
CONNECT = 10.0  # seconds for one connection
SILENCE = 20.0  # seconds without a byte
REDIRECTS = 5
MOVED = (301, 302, 303, 307, 308)
TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
TROUBLE = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    OSError,
)


def check(url: str, *, allow_private: bool) -> None:
    """MediaProblem when the form of this URL is one that we never call."""
    _target(url, allow_private)


async def fetch(
    url: str,
    into: IO[bytes],
    *,
    pool: httpcore.AsyncConnectionPool,
    most: int,
    allow_private: bool,
    deadline: float = DEADLINE,
) -> str:
    """Write the file behind `url` to `into`; its name as the server or the URL tells it.

    At most `most` bytes. MediaProblem says why there is no file; nothing else is raised.
    """
    try:
        async with asyncio.timeout(deadline):
            return await _follow(url, into, pool, most, allow_private)
    except TimeoutError:
        raise MediaProblem(
            MEDIA_UNREACHABLE, f"The file did not arrive within {deadline:g} s.", again=True
        ) from None


async def _follow(
    url: str, into: IO[bytes], pool: httpcore.AsyncConnectionPool, most: int, allow_private: bool
) -> str:
    for _ in range(REDIRECTS + 1):
        target = _target(url, allow_private)
        try:
            response = await pool.handle_async_request(_request(target))
            try:
                if response.status not in MOVED:
                    await _take(response, into, most)
                    return _name(response, target)
                location = _header(response, b"location")
            finally:
                await response.aclose()
        except Refused as exc:
            raise MediaProblem(MEDIA_REFUSED, f"The URL is not fetched: {exc}.") from None
        except TROUBLE as exc:
            detail = str(exc) or type(exc).__name__
            raise MediaProblem(
                MEDIA_UNREACHABLE, f"The URL cannot be read: {detail[:200]}.", again=True
            ) from None
        if not location:
            raise MediaProblem(MEDIA_UNREACHABLE, "The URL redirects to nowhere.")
        url = urljoin(url, location)
    raise MediaProblem(MEDIA_UNREACHABLE, f"The URL redirects more than {REDIRECTS} times.")


def _target(url: str, allow_private: bool) -> Target:
    try:
        return parse(url.partition("#")[0], allow_private=allow_private)
    except Refused as exc:
        raise MediaProblem(MEDIA_REFUSED, f"The URL is not fetched: {exc}.") from None


def _request(target: Target) -> httpcore.Request:
    return httpcore.Request(
        "GET",
        httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=None if target.port == DEFAULT_PORTS[target.scheme] else target.port,
            target=target.path.encode(),
        ),
        headers={
            "Host": target.authority,
            "User-Agent": "Switchboard-Media/1",
            "Accept": "*/*",
            "Accept-Encoding": "identity",  # what is counted is what is stored
            "Connection": "close",
        },
        extensions={"timeout": {"connect": CONNECT, "read": SILENCE, "write": CONNECT}},
    )


async def _take(response: httpcore.Response, into: IO[bytes], most: int) -> None:
    if response.status != 200:
        raise MediaProblem(
            MEDIA_UNREACHABLE,
            f"The URL answered {response.status}.",
            again=response.status in TRY_AGAIN,
        )
    if _header(response, b"content-encoding") not in ("", "identity"):
        raise MediaProblem(MEDIA_UNREACHABLE, "The URL answered in an encoding we did not accept.")
    announced = _header(response, b"content-length")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(most)
    size = 0
    async for chunk in response.aiter_stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        into.write(chunk)
    if not size:
        raise MediaProblem(MEDIA_UNREACHABLE, "The URL gave an empty file.")


def _too_large(most: int) -> MediaProblem:
    return MediaProblem(MEDIA_TOO_LARGE, f"The file is larger than {most:,} bytes.")


def _name(response: httpcore.Response, target: Target) -> str:
    """From Content-Disposition, else the last part of the path. As the server says: not cleaned."""
    for part in _header(response, b"content-disposition").split(";")[1:]:
        key, _, value = part.strip().partition("=")
        if key.lower() == "filename*" and value.lower().startswith("utf-8''"):
            return unquote(value[7:])
        if key.lower() == "filename":
            return value.strip('"')
    return unquote(urlsplit(target.path).path.rpartition("/")[2])


def _header(response: httpcore.Response, name: bytes) -> str:
    found = [value for key, value in response.headers if key.lower() == name]
    return found[0].decode("latin-1").strip() if found else ""
