"""An HTTP server on loopback that keeps what webhooks bring and answers as a test tells it to."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.product import eventually


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)


Answer = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


def status(code: int, body: bytes = b"ok", **headers: str) -> Answer:
    """A plain answer. Underscores in header names are hyphens."""
    lines = [f"HTTP/1.1 {code} Because", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if code == 204:
        del lines[1]
        body = b""
    whole = "\r\n".join([*lines, "", ""]).encode() + body

    async def answer(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(whole)
        await writer.drain()

    return answer


OK = status(200)


async def never(_request: Received, writer: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing until the other side leaves."""
    await writer.wait_closed()


async def drip(_request: Received, writer: asyncio.StreamWriter) -> None:
    """A status line of which a byte comes now and then."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def drip_body(_request: Received, writer: asyncio.StreamWriter) -> None:
    """200 at once, then a byte of the body now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    for _ in range(100):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(1)


async def huge(_request: Received, writer: asyncio.StreamWriter) -> None:
    """200 and ten megabytes."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"y" * 10_000)
        await writer.drain()


async def garbage(_request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\0\1\2 this is no HTTP\r\n\r\n")
    await writer.drain()
    writer.close()


class Receiver:
    """`with Receiver() as hook:` … `hook.url`, `hook.received`. `answer` may be changed at will."""

    def __init__(
        self, answer: Answer = OK, *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self.connections = 0
        self.port = port
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in list(self.received)]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [request.event for request in list(self.received)]

    def wait(self, count: int, within: float = 30.0) -> list[Received]:
        eventually(
            lambda: len(self.received) >= count, within=within, what=f"{count} requests came"
        )
        return list(self.received)

    def start(self) -> Receiver:
        self._thread.start()
        self._call(self._open())
        return self

    def stop(self) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in list(self._writers):
            writer.close()
            with suppress(Exception):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            while (request := await self._read(reader)) is not None:
                self.received.append(request)
                waiter = asyncio.ensure_future(self.answer(request, writer))
                await waiter
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Received | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Received(first.split(" ")[1], headers, body)
