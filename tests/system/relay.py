"""`python -m tests.system.relay HOST:PORT=HOST:PORT|/socket ...`: passes TCP streams on.

For namespaces: what listens on loopback only (the sandbox) or on a socket in a folder (PostgreSQL)
is brought to an address of a veth pair, and from there to the loopback of a namespace. A peer that
was cut off is noticed within seconds, as a server on the internet would by its own pings.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys


def _watch(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is None or sock.family == socket.AF_UNIX:
        return
    for option, value in (
        (socket.TCP_KEEPIDLE, 1),
        (socket.TCP_KEEPINTVL, 1),
        (socket.TCP_KEEPCNT, 2),
        (socket.TCP_USER_TIMEOUT, 3000),
    ):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


async def _relay(source: str, target: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if target.startswith("/"):
                there = await asyncio.open_unix_connection(target)
            else:
                host, _, port = target.rpartition(":")
                there = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 5)
        except (OSError, TimeoutError):
            writer.transport.abort()
            return
        _watch(writer)
        _watch(there[1])
        tasks = [
            asyncio.ensure_future(_pump(reader, there[1])),
            asyncio.ensure_future(_pump(there[0], writer)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        writer.transport.abort()
        there[1].transport.abort()

    host, _, port = source.rpartition(":")
    server = await asyncio.start_server(serve, host, int(port))
    await server.serve_forever()


async def main() -> None:
    await asyncio.gather(*(_relay(*pair.split("=", 1)) for pair in sys.argv[1:]))


if __name__ == "__main__":
    asyncio.run(main())
