"""One client connection: websocket messages in, stanzas out, handshake in between.

No I/O happens here: bytes arrive through `receive`, leave through the `Link`. Whoever owns the
socket calls `closed` exactly once when it is gone.
"""

import asyncio
import enum
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sandbox.network import faults
from sandbox.network.errors import Refusal
from sandbox.wire.client_payload import Login, Registration, read_payload
from sandbox.wire.decoder import decode_node
from sandbox.wire.encoder import encode_node
from sandbox.wire.errors import WireError
from sandbox.wire.frames import FrameDecoder, encode_frame
from sandbox.wire.nodes import Node, StanzaError
from sandbox.wire.noise import ServerHandshake, Transport

if TYPE_CHECKING:
    from sandbox.network.hub import Network
    from sandbox.network.model import Device

log = logging.getLogger(__name__)

CLOSE_DELAY_SECONDS = 0.5
"""A client handles stanzas and the end of the stream on different threads, and whatsmeow drops what
it has not handled when the stream ends: it would reconnect without having seen the `<failure>` or
`<stream:error>` that tells it not to."""


class Link(Protocol):
    """The way to the client's socket."""

    def write(self, data: bytes) -> None:
        """Send one binary websocket message."""

    def close(self) -> None:
        """Close after everything written has been sent."""

    def abort(self) -> None:
        """Close at once, as a broken network would."""


class Handlers(Protocol):
    """What happens with an open connection."""

    def opened(self, connection: "Connection", payload: Login | Registration) -> None:
        """The handshake is done."""

    def stanza(self, connection: "Connection", node: Node) -> None:
        """The client said something."""

    def closed(self, connection: "Connection") -> None:
        """The connection is gone."""


class Stage(enum.Enum):
    """How far the handshake is."""

    HELLO = enum.auto()
    FINISH = enum.auto()
    OPEN = enum.auto()
    CLOSED = enum.auto()


@dataclass(slots=True)
class LinkAttempt:
    """What a client that wants to be linked has told so far."""

    registration: Registration
    refs: list[str] = field(default_factory=list)
    code_number: str = ""
    """Digits of the phone that shall type the code, when a code was asked for."""
    code_ref: bytes = b""
    wrapped_ephemeral: bytes = b""


class Connection:
    """One client. `device` is set after a login, `attempt` before one."""

    def __init__(self, network: "Network", handlers: Handlers, link: Link, number: int) -> None:
        self.network = network
        self.number = number
        self.client_key = b""
        self.device: Device | None = None
        self.attempt: LinkAttempt | None = None
        self.active = False
        """Whether the client has said that it is done with logging in."""
        self.held: list[Node] = []
        """Queries that are answered when it is."""
        self._handlers = handlers
        self._link = link
        self._stage = Stage.HELLO
        self._frames = FrameDecoder()
        self._handshake = ServerHandshake(network.noise, network.now())
        self._transport: Transport | None = None
        self._waiting: dict[str, asyncio.Future[Node]] = {}
        self._delayed: deque[Node] = deque()

    @property
    def label(self) -> str:
        """The device's address, empty before the login."""
        return str(self.device.jid) if self.device else ""

    def require_device(self) -> "Device":
        """The device that is logged in here. Raises StanzaError (401)."""
        if self.device is None:
            raise StanzaError(401, "not-authorized")
        return self.device

    # --- from the socket

    def receive(self, data: bytes) -> None:
        """Take one binary websocket message; closes the connection when it makes no sense."""
        try:
            for body in self._frames.feed(data):
                self._take_frame(body)
        except WireError as error:
            log.warning("connection %d: %s; dropping it", self.number, error)
            self.abort()
        self.network.commit_soon()

    def _take_frame(self, body: bytes) -> None:
        if self._stage is Stage.HELLO:
            self._link.write(encode_frame(self._handshake.answer_hello(body)))
            self._stage = Stage.FINISH
        elif self._stage is Stage.FINISH:
            handshaken = self._handshake.finish(body)
            self.client_key = handshaken.client_key
            self._transport = handshaken.transport
            self._stage = Stage.OPEN
            self._handlers.opened(self, read_payload(handshaken.payload))
        elif self._stage is Stage.OPEN and self._transport:
            self._take_node(decode_node(self._transport.decrypt(body)))

    def _take_node(self, node: Node) -> None:
        self.network.journal.add("in", self.number, self.label, node)
        log.debug("connection %d: received %s", self.number, node)
        if self._hit_by(faults.MUTE):
            return
        waiting = self._waiting.pop(node.text("id"), None)
        if waiting and node.tag == "iq" and node.text("type") in ("result", "error"):
            if not waiting.done():
                waiting.set_result(node)
            return
        self._handlers.stanza(self, node)

    def closed(self) -> None:
        """The socket is gone."""
        self._stage = Stage.CLOSED
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Refusal("connection_lost", "the client disconnected"))
        self._waiting.clear()
        self._handlers.closed(self)
        self.network.commit_soon()

    # --- to the socket

    def send(self, node: Node) -> None:
        """Say something, unless the connection is closed or muted."""
        if self._hit_by(faults.MUTE):
            return
        slow = self._hit_by(faults.SLOW)
        if slow or self._delayed:
            delay = slow.seconds if slow and slow.seconds else 0.0
            self._delayed.append(node)
            asyncio.get_running_loop().call_later(delay, self._send_delayed)
            return
        self._send_now(node)

    def _send_delayed(self) -> None:
        if self._delayed:
            self._send_now(self._delayed.popleft())

    def _send_now(self, node: Node) -> None:
        if self._stage is not Stage.OPEN or self._transport is None:
            return
        self.network.journal.add("out", self.number, self.label, node)
        log.debug("connection %d: sending %s", self.number, node)
        frame = encode_frame(self._transport.encrypt(encode_node(node)))
        self.network.write_after_commit(self._link, frame)

    def finish(self, node: Node) -> None:
        """Say a last thing, and close when the client has had time to hear it."""
        self.send(node)
        self.hang_up()

    def hang_up(self) -> None:
        """Close when the client has had time to hear what was said."""
        asyncio.get_running_loop().call_later(CLOSE_DELAY_SECONDS, self._link.close)

    def abort(self) -> None:
        """Break the connection without a word."""
        self._link.abort()

    def wait_for(self, key: str) -> "asyncio.Future[Node]":
        """The future answer to the iq with this id (or an agreed key, see `fulfil`)."""
        future: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        return future

    def fulfil(self, key: str, node: Node) -> bool:
        """Give a node to who waits for `key`; False when nobody does."""
        future = self._waiting.pop(key, None)
        if future is None or future.done():
            return False
        future.set_result(node)
        return True

    def _hit_by(self, kind: str) -> "faults.Fault | None":
        device = self.device
        if device is None:
            return self.network.faults.use(kind)
        return self.network.faults.use(kind, device.phone.digits, device.number)
