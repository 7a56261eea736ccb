"""One request with a deadline and retries. Everything that this package sends goes through here.

A deadline holds for the whole call, its retries and pauses included. What may have been done is
asked for again only where doing it twice is the same as once: every method but POST, and a POST
with an Idempotency-Key. Another POST is repeated only where it surely was not done: no connection,
or 429 with Retry-After.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic_core import to_jsonable_python

from .errors import DeadlineExceeded, Problem, Unreachable, problem

PREFIX = "/api/v1"
AGAIN = frozenset({429, 502, 503, 504})  # statuses that pass by themselves
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0  # seconds


@dataclass(frozen=True, slots=True)
class Call:
    """A request before it is sent. None in `query` is left out; True is "true"."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    files: Mapping[str, tuple[str, bytes]] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    extra_time: float = 0.0  # seconds that the server was asked to wait

    @property
    def repeatable(self) -> bool:
        return self.method != "POST" or "Idempotency-Key" in self.headers


class Transport:
    def __init__(
        self,
        http: httpx.Client,
        *,
        timeout: float,
        attempts: int,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.http = http
        self.timeout = timeout
        self.attempts = attempts
        self._sleep = sleep
        self._clock = clock

    def send(self, call: Call) -> httpx.Response:
        """The answer, read and below 400. Problem, Unreachable or DeadlineExceeded otherwise."""
        deadline = self._clock() + self.timeout + call.extra_time
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._once(call, deadline)
            except (Problem, Unreachable) as exc:
                pause = _pause(call, exc, attempt)
                late = pause is not None and self._clock() + pause >= deadline
                if pause is None or late or attempt >= self.attempts:
                    raise
                self._sleep(pause)

    @contextmanager
    def open(self, call: Call, *, read_timeout: float | None = None) -> Iterator[httpx.Response]:
        """The answer, unread, for files and streams. Not repeated.

        `read_timeout`: the longest silence, in seconds; without it the deadline of a call.
        """
        timeout = httpx.Timeout(self.timeout, read=read_timeout or self.timeout)
        try:
            answer = self.http.send(self._build(call, timeout), stream=True)
            try:
                if answer.is_error:
                    answer.read()
                    raise _refusal(answer)
                yield answer
            finally:
                answer.close()
        except httpx.TimeoutException as exc:
            raise DeadlineExceeded(f"{call.method} {call.path}: {_words(exc)}") from exc
        except httpx.TransportError as exc:
            raise Unreachable(f"{call.method} {call.path}: {_words(exc)}") from exc

    def _once(self, call: Call, deadline: float) -> httpx.Response:
        left = max(deadline - self._clock(), 0.001)
        try:
            answer = self.http.send(self._build(call, httpx.Timeout(left)), stream=True)
            try:
                body = b"".join(self._blocks(answer, call, deadline))
            finally:
                answer.close()
        except httpx.ConnectTimeout as exc:
            raise DeadlineExceeded(f"{call.method} {call.path}: no connection in time") from exc
        except httpx.TimeoutException as exc:
            raise DeadlineExceeded(f"{call.method} {call.path}: no answer in time") from exc
        except httpx.TransportError as exc:
            raise Unreachable(f"{call.method} {call.path}: {_words(exc)}") from exc
        whole = httpx.Response(
            answer.status_code, headers=_plain(answer.headers), content=body, request=answer.request
        )
        if whole.is_error:
            raise _refusal(whole)
        return whole

    def _blocks(self, answer: httpx.Response, call: Call, deadline: float) -> Iterator[bytes]:
        """A server that sends byte after byte must not outlive the deadline."""
        for block in answer.iter_bytes():
            yield block
            if self._clock() > deadline:
                raise DeadlineExceeded(f"{call.method} {call.path}: the answer came too slowly")

    def _build(self, call: Call, timeout: httpx.Timeout) -> httpx.Request:
        return self.http.build_request(
            call.method,
            PREFIX + call.path,
            params={name: _text(value) for name, value in call.query.items() if value is not None},
            json=None if call.json is None else to_jsonable_python(call.json),
            files=call.files,
            headers=dict(call.headers),
            timeout=timeout,
        )


def _pause(call: Call, exc: Problem | Unreachable, attempt: int) -> float | None:
    """Seconds until the next try; None when there must be none."""
    backoff = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311
    if isinstance(exc, Unreachable):
        never_sent = isinstance(exc.__cause__, httpx.ConnectError)
        return backoff if call.repeatable or never_sent else None
    if exc.retry_after is not None and exc.status in (429, 503):
        return exc.retry_after if call.repeatable or exc.status == 429 else None
    return backoff if call.repeatable and exc.status in AGAIN - {429} else None


def _refusal(answer: httpx.Response) -> Problem:
    try:
        document = answer.json()
    except ValueError:
        document = {}
    text = answer.headers.get("retry-after", "")
    return problem(answer.status_code, document, float(text) if text.isdigit() else None)


def _plain(headers: httpx.Headers) -> httpx.Headers:
    """Without what was true of the encoded body only: it is decoded by now."""
    left_out = ("content-encoding", "content-length", "transfer-encoding")
    return httpx.Headers([(k, v) for k, v in headers.items() if k.lower() not in left_out])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def _words(exc: Exception) -> str:
    return str(exc) or type(exc).__name__
