"""The proxy port: CONNECT, TLS, then a websocket or a file. A thin shell around sans-IO parts.

It only ever serves itself: CONNECT to any host ends here, and no outgoing connection is opened.
"""

import asyncio
import itertools
import logging
import ssl

import h11
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from sandbox.file_host import FileHost
from sandbox.network import faults
from sandbox.network.connection import Connection, Handlers
from sandbox.network.hub import Network
from sandbox.wire.frames import MAX_FRAME_BYTES

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
BACKLOG = 1_024
READ_BYTES = 65_536
HEAD_SECONDS = 15.0
HEAD_END = b"\r\n\r\n"

CONNECTION_LOST = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, TimeoutError)


class ProxyServer:
    """Accepts clients until `close`."""

    def __init__(self, network: Network, handlers: Handlers, context: ssl.SSLContext) -> None:
        self._network = network
        self._handlers = handlers
        self._context = context
        self._files = FileHost(network)
        self._numbers = itertools.count(1)
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen on a free loopback port; returns the port."""
        self._server = await asyncio.start_server(self._accept, HOST, 0, backlog=BACKLOG)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening and break all connections."""
        if self._server:
            self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)
        try:
            await self._serve(reader, writer)
        except CONNECTION_LOST as error:
            log.debug("a client is gone: %r", error)
        except (h11.RemoteProtocolError, WebSocketException) as error:
            log.warning("a client does not speak HTTP: %s", error)
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._network.faults.use(faults.REFUSE_CONNECTIONS):
            return
        head = await _read_head(reader)
        request = _parse(head)
        if request.method == b"CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.drain()
            await asyncio.wait_for(writer.start_tls(self._context), HEAD_SECONDS)
            head = await _read_head(reader)
            request = _parse(head)
        if dict(request.headers).get(b"upgrade", b"").lower() == b"websocket":
            await self._serve_websocket(head, reader, writer)
        else:
            await self._files.serve(request, reader, writer)
            writer.close()
            await writer.wait_closed()

    async def _serve_websocket(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        link = WebsocketLink(writer)
        if not link.accept(head):
            await writer.drain()
            return
        connection = Connection(self._network, self._handlers, link, next(self._numbers))
        log.debug("connection %d is open", connection.number)
        try:
            while data := await reader.read(READ_BYTES):
                for message in link.feed(data):
                    connection.receive(message)
                if link.is_done:
                    break
                await writer.drain()
        finally:
            connection.closed()


class WebsocketLink:
    """The websocket of one connection: whole messages in, whole messages out."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._protocol = ServerProtocol(max_size=MAX_FRAME_BYTES)
        self._message = bytearray()

    @property
    def is_done(self) -> bool:
        """Whether the closing handshake is over."""
        return self._protocol.state is State.CLOSED or self._protocol.close_expected()

    def accept(self, head: bytes) -> bool:
        """Answer the opening handshake; False when it was refused."""
        self._protocol.receive_data(head)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._protocol.accept(event))
        self._flush()
        return self._protocol.state is State.OPEN

    def feed(self, data: bytes) -> list[bytes]:
        """The messages completed by `data`. Pings and closes are answered here."""
        self._protocol.receive_data(data)
        messages = []
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.BINARY, Opcode.CONT):
                self._message += event.data
                if event.fin:
                    messages.append(bytes(self._message))
                    self._message.clear()
        self._flush()
        return messages

    def write(self, data: bytes) -> None:
        """Send one binary message, unless the websocket is closing."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_binary(data)
            self._flush()

    def close(self) -> None:
        """Close the socket after everything written has been sent."""
        self._writer.close()

    def abort(self) -> None:
        """Break the socket."""
        self._writer.transport.abort()

    def _flush(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        if data and not self._writer.is_closing():
            self._writer.write(data)


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(HEAD_END), HEAD_SECONDS)


def _parse(head: bytes) -> h11.Request:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head)
    event = connection.next_event()
    if not isinstance(event, h11.Request):
        raise h11.RemoteProtocolError("not a request")
    return event
