"""Binary XML to nodes. Whatever the bytes are, the only error that leaves here is NodeError.

Source: whatsmeow binary/decoder.go. Text content that was sent as a token or packed comes back as
bytes, so that content is always bytes or nodes.
"""

import zlib

from sandbox.wire import tokens
from sandbox.wire.encoder import COMPRESSED
from sandbox.wire.errors import NodeError
from sandbox.wire.frames import MAX_FRAME_BYTES
from sandbox.wire.jids import LID_SERVER, PHONE_SERVER, Jid
from sandbox.wire.nodes import Content, Node

MAX_DEPTH = 32
_SERVERS = {0: PHONE_SERVER, 1: LID_SERVER, 128: "hosted", 129: "hosted.lid"}
_NIBBLES = dict(enumerate(tokens.NIBBLES))
_HEX = dict(enumerate(tokens.HEX_DIGITS))


def decode_node(body: bytes) -> Node:
    """The node in a frame body. Raises NodeError."""
    if not body:
        raise NodeError("an empty frame")
    flags, data = body[0], body[1:]
    if flags & COMPRESSED:
        data = _inflate(data)
    reader = _Reader(data)
    node = reader.node(0)
    if not reader.at_end:
        raise NodeError("bytes after the node")
    return node


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        out = inflater.decompress(data, MAX_FRAME_BYTES)
    except zlib.error as error:
        raise NodeError("not zlib data") from error
    if not inflater.eof:
        raise NodeError("compressed data is cut short or too large")
    return out


class _Reader:
    """Reads values from left to right; every read checks what is left."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def at_end(self) -> bool:
        return self._position == len(self._data)

    def node(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise NodeError("nodes are nested too deeply")
        size = self._list_size(self._byte())
        if size == 0:
            raise NodeError("a node without a tag")
        tag = self._text()
        attrs = {}
        for _ in range((size - 1) // 2):
            key = self._text()
            attrs[key] = self._value(self._byte())
        content = self._content(depth) if size % 2 == 0 else None
        return Node(tag, dict(attrs), content)

    def _content(self, depth: int) -> Content:
        tag = self._byte()
        if tag in (tokens.LIST_EMPTY, tokens.LIST_8, tokens.LIST_16):
            return [self.node(depth + 1) for _ in range(self._list_size(tag))]
        if tag in (tokens.BINARY_8, tokens.BINARY_20, tokens.BINARY_32):
            return self._take(self._binary_size(tag))
        return str(self._value(tag)).encode()

    def _text(self) -> str:
        value = self._value(self._byte())
        if not isinstance(value, str):
            raise NodeError("an address where text belongs")
        return value

    def _value(self, tag: int) -> str | Jid:
        if tag in (tokens.BINARY_8, tokens.BINARY_20, tokens.BINARY_32):
            return self._utf8(self._take(self._binary_size(tag)))
        if tokens.DICTIONARY_0 <= tag <= tokens.DICTIONARY_3:
            return tokens.DOUBLE[tag - tokens.DICTIONARY_0][self._byte()]
        if tag in (tokens.NIBBLE_8, tokens.HEX_8):
            return self._packed(_NIBBLES if tag == tokens.NIBBLE_8 else _HEX)
        if tag == tokens.JID_PAIR:
            user_tag = self._byte()
            user = "" if user_tag == tokens.LIST_EMPTY else self._plain(user_tag)
            return Jid(user, self._text())
        if tag == tokens.DEVICE_JID:
            domain, device = self._byte(), self._byte()
            return Jid(self._text(), _SERVERS.get(domain, PHONE_SERVER), device)
        if tag in (tokens.MESSENGER_JID, tokens.INTEROP_JID):
            return self._foreign_jid(tag)
        if 0 < tag < len(tokens.SINGLE):
            return tokens.SINGLE[tag]
        raise NodeError(f"unexpected tag {tag}")

    def _plain(self, tag: int) -> str:
        value = self._value(tag)
        if not isinstance(value, str):
            raise NodeError("an address inside an address")
        return value

    def _foreign_jid(self, tag: int) -> Jid:
        user = self._text()
        device = int.from_bytes(self._take(2), "big")
        if tag == tokens.INTEROP_JID:
            self._take(2)  # the integrator, which nothing here needs
        return Jid(user, self._text(), device)

    def _packed(self, characters: dict[int, str]) -> str:
        head = self._byte()
        data = self._take(head & 0x7F)
        halves = [half for byte in data for half in (byte >> 4, byte & 15)]
        if head & 0x80:
            halves = halves[:-1]
        try:
            return "".join(characters[half] for half in halves)
        except KeyError as error:
            raise NodeError("a packed character that does not exist") from error

    def _list_size(self, tag: int) -> int:
        if tag == tokens.LIST_EMPTY:
            return 0
        if tag == tokens.LIST_8:
            return self._byte()
        if tag == tokens.LIST_16:
            return int.from_bytes(self._take(2), "big")
        raise NodeError(f"tag {tag} is not a list")

    def _binary_size(self, tag: int) -> int:
        if tag == tokens.BINARY_8:
            return self._byte()
        if tag == tokens.BINARY_20:
            return int.from_bytes(self._take(3), "big") & 0xFFFFF
        return int.from_bytes(self._take(4), "big")

    def _utf8(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise NodeError("text that is not UTF-8") from error

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._data):
            raise NodeError("the data ends inside a node")
        data = self._data[self._position : end]
        self._position = end
        return data
