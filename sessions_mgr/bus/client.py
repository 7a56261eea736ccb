"""A bus connection for synchronous code: a thread with its own event loop.

Publishing never waits and never raises: what goes this way is hints. Requests wait for their
answer up to a deadline. The connection is made in the background and kept for the process's life.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from typing import Any, TypeVar

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

logger = logging.getLogger(__name__)

T = TypeVar("T")
Callback = Callable[[str, bytes], None]

SAME_WORDS_EVERY = 60.0  # seconds in the log, while the bus is away: there are four tries a second


class BusUnavailable(Exception):
    """The bus cannot be reached right now."""


class NoResponders(Exception):
    """Nobody listens on this subject: the worker or node is not running."""


async def connect(url: str, token: str, *, name: str) -> Client:
    """A connection that never gives up reconnecting, and says so in the log."""
    told_at: dict[str, float] = {}  # what went wrong, in this outage

    async def on_error(error: Exception) -> None:
        words, now = str(error) or type(error).__name__, time.monotonic()
        again = now - told_at.get(words, -math.inf) < SAME_WORDS_EVERY
        logger.log(logging.DEBUG if again else logging.WARNING, "bus: %s", words)
        if not again:
            told_at[words] = now

    async def on_disconnected() -> None:
        logger.warning("bus: connection lost, reconnecting")

    async def on_reconnected() -> None:
        told_at.clear()
        logger.info("bus: connected again")

    return await nats.connect(
        url,
        token=token or None,
        name=name,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.25,
        connect_timeout=2,
        ping_interval=10,
        error_cb=on_error,
        disconnected_cb=on_disconnected,
        reconnected_cb=on_reconnected,
    )


class Bus:
    def __init__(self, url: str, token: str = "", *, name: str = "switchboard") -> None:
        self._url, self._token, self._name = url, token, name
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bus", daemon=True)
        self._client: Client | None = None
        self._connected: asyncio.Task[None] | None = None
        self._subscriptions: list[tuple[str, Callback]] = []
        self._responders: list[tuple[str, Callable[[Msg], Coroutine[Any, Any, None]]]] = []

    def start(self) -> Bus:
        self._thread.start()

        async def begin() -> None:
            self._connected = asyncio.ensure_future(self._connect())

        asyncio.run_coroutine_threadsafe(begin(), self._loop).result(5)
        return self

    async def _connect(self) -> None:
        while True:
            try:
                self._client = await connect(self._url, self._token, name=self._name)
                break
            except (OSError, nats.errors.Error, TimeoutError) as exc:
                logger.warning("bus: not reachable yet: %s", str(exc) or type(exc).__name__)
                await asyncio.sleep(0.5)
        for subject, callback in self._subscriptions:
            await self._subscribe(subject, callback)
        for subject, reply in self._responders:
            await self._client.subscribe(subject, cb=reply)

    async def _subscribe(self, subject: str, callback: Callback) -> None:
        async def deliver(message: Msg) -> None:
            callback(message.subject, message.data)

        assert self._client is not None
        await self._client.subscribe(subject, cb=deliver)

    def subscribe(self, subject: str, callback: Callback) -> None:
        """Call `callback(subject, data)` in the bus thread for every message. It must not block."""

        async def add() -> None:
            self._subscriptions.append((subject, callback))
            if self._client is not None:
                await self._subscribe(subject, callback)

        self._run(add(), 5)

    def answer(self, subject: str, handler: Callable[[], dict[str, Any]]) -> None:
        """Reply to every request on `subject` with what `handler` returns. It must not block."""

        async def reply(message: Msg) -> None:
            await message.respond(json.dumps(handler()).encode())

        async def add() -> None:
            self._responders.append((subject, reply))
            if self._client is not None:
                await self._client.subscribe(subject, cb=reply)

        self._run(add(), 5)

    def publish(self, subject: str, payload: bytes | dict[str, Any]) -> None:
        """Send and forget. Dropped, with a log line, while the bus is away."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()

        async def send() -> None:
            if self._client is None or not self._client.is_connected:
                logger.debug("bus: dropped a hint on %s", subject)
                return
            await self._client.publish(subject, data)

        asyncio.run_coroutine_threadsafe(send(), self._loop)

    def request(self, subject: str, payload: dict[str, Any], timeout: float) -> dict[str, Any]:
        """The JSON answer. NoResponders at once when nobody listens, TimeoutError at the end."""

        async def ask() -> Msg:
            loop = asyncio.get_running_loop()
            deadline = loop.time() + timeout  # of the wait for a connection and the answer together
            if self._connected is not None:
                await asyncio.wait_for(asyncio.shield(self._connected), timeout)
            assert self._client is not None
            if not self._client.is_connected:
                raise BusUnavailable("the bus is reconnecting")
            return await self._client.request(
                subject, json.dumps(payload).encode(), timeout=max(0.001, deadline - loop.time())
            )

        try:
            answer = self._run(ask(), timeout + 1)
        except nats.errors.NoRespondersError:
            raise NoResponders(subject) from None
        except (nats.errors.TimeoutError, FutureTimeout, TimeoutError):
            raise TimeoutError(f"no answer on {subject} within {timeout:g} s") from None
        except (nats.errors.Error, OSError) as exc:
            raise BusUnavailable(str(exc)) from exc
        result: dict[str, Any] = json.loads(answer.data)
        return result

    def request_all(
        self, subject: str, payload: dict[str, Any], seconds: float
    ) -> list[dict[str, Any]]:
        """The JSON answers of everybody who listens, collected for `seconds`. Maybe none."""
        answers: list[dict[str, Any]] = []

        async def collect(message: Msg) -> None:
            if message.data:  # "no responders" comes as an empty message
                answers.append(json.loads(message.data))

        async def ask() -> None:
            if self._client is None or not self._client.is_connected:
                raise BusUnavailable("the bus is not connected")
            inbox = self._client.new_inbox()
            subscription = await self._client.subscribe(inbox, cb=collect)
            try:
                await self._client.publish(subject, json.dumps(payload).encode(), reply=inbox)
                await asyncio.sleep(seconds)
            finally:
                await subscription.unsubscribe()

        try:
            self._run(ask(), seconds + 2)
        except (nats.errors.Error, OSError, FutureTimeout) as exc:
            raise BusUnavailable(str(exc)) from exc
        return answers

    def wait_until_connected(self, timeout: float) -> bool:
        """Whether the connection stands now or within `timeout` seconds."""

        async def connected() -> bool:
            if self._connected is not None:
                await asyncio.wait_for(asyncio.shield(self._connected), timeout)
            return self._client is not None and self._client.is_connected

        try:
            return self._run(connected(), timeout + 1)
        except (TimeoutError, FutureTimeout):
            return False

    def stop(self) -> None:
        async def end() -> None:
            if self._connected is not None:
                self._connected.cancel()
                with suppress(asyncio.CancelledError):
                    await self._connected
            if self._client is not None:
                await self._client.close()

        if self._thread.is_alive():
            with suppress(FutureTimeout):
                self._run(end(), 3)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(3)
        if not self._thread.is_alive() and not self._loop.is_closed():
            self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)
