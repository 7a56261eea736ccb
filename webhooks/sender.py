"""One attempt: sign, POST, judge the answer. Knows no row and no retry.

Success is a 2xx status line within TIMEOUT. The answer's body is a courtesy: up to ANSWER_KEPT
bytes of it are read for a moment, then the connection is given up, whatever still wants to come.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpcore

from egress.addresses import DEFAULT_PORTS, Refused, Target, parse

from . import signing
from .models import ANSWER_KEPT

TIMEOUT = 10.0  # seconds for name, connection, TLS, request and status line together
ANSWER_TIME = 1.0  # seconds for what is kept of the answer's body
ERROR_KEPT = 300  # characters
NETWORK_TROUBLE = (
    httpcore.TimeoutException,
    httpcore.ProxyError,
    httpcore.ProtocolError,
    httpcore.NetworkError,
    OSError,
)
USER_AGENT = "Switchboard-Webhooks/1"
# Custom headers cannot replace what the request is made of, or what proves that it is ours.
RESERVED = frozenset(
    {
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "keep-alive",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "x-hub-signature-256",
    }
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes out, complete: no row is needed to send it."""

    url: str
    event_id: str
    body: bytes
    secrets: Sequence[str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    ok: bool
    at: float  # Unix time of the start
    duration_ms: int
    status_code: int | None = None
    error: str = ""
    answer: str = ""
    retry_after: str = ""

    @property
    def gone(self) -> bool:
        return self.status_code == 410


def encode(envelope: Mapping[str, Any]) -> bytes:
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


class Sender:
    """Sends over one pool. `clock` gives the Unix time that is signed."""

    def __init__(
        self,
        pool: httpcore.AsyncConnectionPool,
        *,
        allow_private: bool,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool, self._allow_private = pool, allow_private
        self._timeout, self._clock = timeout, clock

    async def send(self, parcel: Parcel) -> Outcome:
        """Never raises but for cancellation: what went wrong is in the outcome."""
        at, began = self._clock(), time.monotonic()

        def outcome(**known: Any) -> Outcome:
            spent = round((time.monotonic() - began) * 1000)
            return Outcome(at=at, duration_ms=spent, **known)

        try:
            target = parse(parcel.url, allow_private=self._allow_private)
            request = self._request(target, parcel, int(at))
            async with asyncio.timeout(self._timeout):
                response = await self._exchange(request)
        except TimeoutError:
            return outcome(ok=False, error=f"no answer within {self._timeout:g} s")
        except Refused as exc:
            return outcome(ok=False, error=f"not sent: {exc}"[:ERROR_KEPT])
        except (*NETWORK_TROUBLE, ValueError) as exc:
            return outcome(ok=False, error=_in_words(exc)[:ERROR_KEPT])
        try:
            answer = await self._answer(response)
        finally:
            with suppress(*NETWORK_TROUBLE):
                await response.aclose()
        ok = 200 <= response.status < 300
        return outcome(
            ok=ok,
            status_code=response.status,
            error="" if ok else _refusal(response),
            answer=answer,
            retry_after=_header(response, b"retry-after")[:60],
        )

    def _request(self, target: Target, parcel: Parcel, timestamp: int) -> httpcore.Request:
        proof = signing.headers(
            event_id=parcel.event_id,
            timestamp=timestamp,
            body=parcel.body,
            secrets_=parcel.secrets,
        )
        headers = {
            "Host": target.authority,
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            **parcel.headers,
            "Content-Type": "application/json",
            "Content-Length": str(len(parcel.body)),
            **proof,
        }
        return httpcore.Request(
            "POST",
            httpcore.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=None if target.port == DEFAULT_PORTS[target.scheme] else target.port,
                target=target.path.encode(),
            ),
            headers=list(headers.items()),
            content=parcel.body,
            extensions={"timeout": {"connect": self._timeout}},
        )

    async def _exchange(self, request: httpcore.Request) -> httpcore.Response:
        """Once more on a fresh connection when the server had just closed an idle one."""
        fresh = False

        async def trace(name: str, _info: Any) -> None:
            nonlocal fresh
            fresh = fresh or name.startswith("connection.connect_tcp")

        request.extensions["trace"] = trace
        try:
            return await self._pool.handle_async_request(request)
        except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
            if fresh:
                raise
            return await self._pool.handle_async_request(request)

    async def _answer(self, response: httpcore.Response) -> str:
        kept = b""
        with suppress(*NETWORK_TROUBLE):
            async with asyncio.timeout(ANSWER_TIME):
                async for chunk in response.aiter_stream():
                    kept += chunk
                    if len(kept) >= ANSWER_KEPT:
                        break
        # PostgreSQL stores no NUL.
        return (
            kept[:ANSWER_KEPT].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        )


def _header(response: httpcore.Response, name: bytes) -> str:
    found = [value for key, value in response.headers if key.lower() == name]
    return found[0].decode("latin-1") if found else ""


def _refusal(response: httpcore.Response) -> str:
    if response.status in (301, 302, 303, 307, 308):
        where = _header(response, b"location")[:200]
        return f"answered {response.status}: redirects are not followed ({where})"[:ERROR_KEPT]
    return f"answered {response.status}"


def _in_words(exc: Exception) -> str:
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason or cause}"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        cause = cause.__cause__ or cause.__context__
    if isinstance(exc, httpcore.TimeoutException):
        return f"no answer within {TIMEOUT:g} s"
    if isinstance(exc, httpcore.RemoteProtocolError):
        return f"the answer is not HTTP: {exc}"
    return str(exc) or type(exc).__name__
