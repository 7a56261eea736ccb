"""Nodes to binary XML. Source: whatsmeow binary/encoder.go."""

import zlib

from sandbox.wire import tokens
from sandbox.wire.errors import NodeError
from sandbox.wire.jids import LID_SERVER, PHONE_SERVER, Jid
from sandbox.wire.nodes import Attribute, Node

PLAIN, COMPRESSED = 0, 2
"""The first byte of a frame; bit 1 means the rest is zlib data."""

_DOMAINS = {PHONE_SERVER: 0, LID_SERVER: 1}
_NIBBLE_VALUES = {character: value for value, character in enumerate(tokens.NIBBLES)}
_HEX_VALUES = {character: value for value, character in enumerate(tokens.HEX_DIGITS)}


def encode_node(node: Node, *, compress: bool = False) -> bytes:
    """The frame body for `node`. Raises NodeError when it cannot be expressed."""
    out = bytearray()
    _write_node(out, node)
    if compress:
        return bytes([COMPRESSED]) + zlib.compress(bytes(out))
    return bytes([PLAIN]) + bytes(out)


def _write_node(out: bytearray, node: Node) -> None:
    attrs = {key: value for key, value in node.attrs.items() if value is not None and value != ""}
    has_content = node.content is not None
    _write_list_size(out, 1 + 2 * len(attrs) + has_content)
    _write_text(out, node.tag)
    for key, value in attrs.items():
        _write_text(out, key)
        _write_attribute(out, value)
    if isinstance(node.content, bytes):
        _write_binary(out, node.content)
    elif node.content is not None:
        _write_list_size(out, len(node.content))
        for child in node.content:
            _write_node(out, child)


def _write_attribute(out: bytearray, value: Attribute) -> None:
    if isinstance(value, Jid):
        _write_jid(out, value)
    else:
        _write_text(out, str(value))


def _write_list_size(out: bytearray, size: int) -> None:
    if size == 0:
        out.append(tokens.LIST_EMPTY)
    elif size < 2**8:
        out += bytes((tokens.LIST_8, size))
    elif size < 2**16:
        out.append(tokens.LIST_16)
        out += size.to_bytes(2, "big")
    else:
        raise NodeError(f"a list holds at most 65535 items, not {size}")


def _write_text(out: bytearray, text: str) -> None:
    if text in tokens.SINGLE_INDEX:
        out.append(tokens.SINGLE_INDEX[text])
    elif text in tokens.DOUBLE_INDEX:
        dictionary, index = tokens.DOUBLE_INDEX[text]
        out += bytes((tokens.DICTIONARY_0 + dictionary, index))
    elif not _write_packed(out, text):
        _write_binary(out, text.encode())


def _write_packed(out: bytearray, text: str) -> bool:
    """Write two characters to the byte; False (nothing written) when `text` does not allow it."""
    if not 0 < len(text) <= tokens.PACKED_MAX_CHARACTERS:
        return False
    characters = set(text)
    if characters <= _NIBBLE_VALUES.keys():
        tag, values = tokens.NIBBLE_8, _NIBBLE_VALUES
    elif characters <= _HEX_VALUES.keys():
        tag, values = tokens.HEX_8, _HEX_VALUES
    else:
        return False
    halves = [values[character] for character in text]
    odd = len(halves) % 2
    halves += [15] * odd
    out += bytes((tag, len(halves) // 2 | odd << 7))
    out += bytes(high << 4 | low for high, low in zip(halves[::2], halves[1::2], strict=True))
    return True


def _write_binary(out: bytearray, data: bytes) -> None:
    size = len(data)
    if size < 2**8:
        out += bytes((tokens.BINARY_8, size))
    elif size < 2**20:
        out.append(tokens.BINARY_20)
        out += size.to_bytes(3, "big")
    else:
        out.append(tokens.BINARY_32)
        out += size.to_bytes(4, "big")
    out += data


def _write_jid(out: bytearray, jid: Jid) -> None:
    if jid.device:
        if jid.server not in _DOMAINS or not jid.user or not 0 < jid.device < 2**8:
            raise NodeError(f"{jid} cannot be written as a device JID")
        out += bytes((tokens.DEVICE_JID, _DOMAINS[jid.server], jid.device))
        _write_text(out, jid.user)
        return
    out.append(tokens.JID_PAIR)
    if jid.user:
        _write_text(out, jid.user)
    else:
        out.append(tokens.LIST_EMPTY)
    _write_text(out, jid.server)
