"""Messages as dictionaries, by the table of fields: names as WhatsApp's definitions spell them.

A part may also be given as bytes that are encoded already, so that a message can be quoted or
wrapped without losing what the table does not know.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.contents.shapes import DATA, DOUBLE, FLAG, NUMBER, SHAPES, TEXT, Field
from sandbox.wire import protobuf
from sandbox.wire.errors import ProtobufError
from sandbox.wire.protobuf import FieldValue

Message = dict[str, Any]

MAX_DEPTH = 16
"""Wrappers and quotations that are nested deeper are refused."""


def encode(shape: str, values: Mapping[str, Any]) -> bytes:
    """The message with these fields; None is left out. KeyError for a field not in the table."""
    return protobuf.encode(_fields(shape, values))


def _fields(shape: str, values: Mapping[str, Any]) -> Iterable[tuple[int, FieldValue]]:
    for name, value in values.items():
        field = SHAPES[shape][name]
        for item in value if field.repeated else (value,):
            if item is not None:
                yield field.number, _written(field, item)


def _written(field: Field, value: Any) -> FieldValue:
    if field.kind == FLAG:
        return int(value)
    if field.kind == DOUBLE:
        return float(value)
    if field.kind in (TEXT, DATA, NUMBER) or isinstance(value, bytes):
        written: FieldValue = value
        return written
    return encode(field.kind, value)


def decode(shape: str, data: bytes, depth: int = 0) -> Message:
    """The fields of a message that the table knows. Raises ProtobufError."""
    if depth > MAX_DEPTH:
        raise ProtobufError("messages are nested too deeply")
    fields = protobuf.decode(data)
    found: Message = {}
    for name, field in SHAPES[shape].items():
        if field.number not in fields:
            continue
        values = [_read(field, value, depth) for value in fields.all(field.number)]
        found[name] = values if field.repeated else values[-1]
    return found


def _read(field: Field, value: int | bytes, depth: int) -> Any:
    if field.kind in (NUMBER, FLAG):
        if not isinstance(value, int):
            raise ProtobufError(f"field {field.number} is not a number")
        return bool(value) if field.kind == FLAG else value
    if not isinstance(value, bytes):
        raise ProtobufError(f"field {field.number} is a number")
    if field.kind == DATA:
        return value
    if field.kind == TEXT:
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise ProtobufError(f"field {field.number} is not UTF-8") from error
    if field.kind == DOUBLE:
        if len(value) != struct.calcsize("<d"):
            raise ProtobufError(f"field {field.number} is not a double")
        return struct.unpack("<d", value)[0]
    return decode(field.kind, value, depth + 1)
