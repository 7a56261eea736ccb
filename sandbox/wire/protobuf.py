"""Schema-less protobuf: enough for the handshake, device identities and Signal messages.

A message is read into `Fields`: field number -> values in order of appearance. Accessors return
the last value, as protobuf demands for singular fields.
"""

import struct
from collections.abc import Iterable

from sandbox.wire.errors import ProtobufError

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
MAX_VARINT_BYTES = 10
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}

FieldValue = int | float | bytes | str | None
"""A float is written as a double."""


def encode(fields: Iterable[tuple[int, FieldValue]]) -> bytes:
    """The message with these (number, value) pairs; pairs whose value is None are left out."""
    out = bytearray()
    for number, value in fields:
        if value is None:
            continue
        if isinstance(value, int):
            out += _varint(number << 3 | VARINT) + _varint(value & (2**64 - 1))
        elif isinstance(value, float):
            out += _varint(number << 3 | FIXED64) + struct.pack("<d", value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(data)) + data
    return bytes(out)


class Fields:
    """The decoded fields of one message."""

    def __init__(self, values: dict[int, list[int | bytes]]) -> None:
        self._values = values

    def __contains__(self, number: int) -> bool:
        return number in self._values

    @property
    def numbers(self) -> list[int]:
        """The numbers of the fields that are present, in order of appearance."""
        return list(self._values)

    def all(self, number: int) -> list[int | bytes]:
        """Every value of a repeated field, in order."""
        return list(self._values.get(number, ()))

    def integer(self, number: int, default: int = 0) -> int:
        """The field as an integer, `default` when absent. Raises ProtobufError for bytes."""
        value = self._last(number)
        if value is None:
            return default
        if isinstance(value, int):
            return value
        raise ProtobufError(f"field {number} is not an integer")

    def data(self, number: int) -> bytes:
        """The field as bytes, empty when absent. Raises ProtobufError for an integer."""
        value = self._last(number)
        if value is None:
            return b""
        if isinstance(value, bytes):
            return value
        raise ProtobufError(f"field {number} is not bytes")

    def sized(self, number: int, size: int) -> bytes:
        """The field, which must be exactly `size` bytes. Raises ProtobufError otherwise."""
        value = self.data(number)
        if len(value) != size:
            raise ProtobufError(f"field {number} has {len(value)} bytes, not {size}")
        return value

    def text(self, number: int) -> str:
        """The field as text, empty when absent. Raises ProtobufError when it is not UTF-8."""
        try:
            return self.data(number).decode()
        except UnicodeDecodeError as error:
            raise ProtobufError(f"field {number} is not UTF-8") from error

    def message(self, number: int) -> "Fields":
        """The embedded message, empty when absent."""
        return decode(self.data(number))

    def all_data(self, number: int) -> list[bytes]:
        """Every value of a repeated field as bytes. Raises ProtobufError for an integer."""
        values = self._values.get(number, [])
        if any(isinstance(value, int) for value in values):
            raise ProtobufError(f"field {number} is not bytes")
        return [value for value in values if isinstance(value, bytes)]

    def _last(self, number: int) -> int | bytes | None:
        values = self._values.get(number)
        return values[-1] if values else None


def decode(data: bytes) -> Fields:
    """Read one message. Raises ProtobufError on anything that is not protobuf."""
    values: dict[int, list[int | bytes]] = {}
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        number, wire_type = key >> 3, key & 7
        value: int | bytes
        if wire_type == VARINT:
            value, position = _read_varint(data, position)
        else:
            if wire_type == LENGTH_DELIMITED:
                size, position = _read_varint(data, position)
            elif wire_type in _FIXED_SIZES:
                size = _FIXED_SIZES[wire_type]
            else:
                raise ProtobufError(f"unknown wire type {wire_type}")
            value = data[position : position + size]
            if len(value) != size:
                raise ProtobufError("the message ends inside a field")
            position += size
        values.setdefault(number, []).append(value)
    return Fields(values)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(data[position : position + MAX_VARINT_BYTES]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number & (2**64 - 1), position + index + 1
    raise ProtobufError("the message ends inside a number")
