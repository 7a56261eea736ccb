"""Messages as dictionaries: the table against neonize's definitions, reading against hostility."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.contents import codec, device_sent, read_message, text_message, writing
from sandbox.contents.codec import MAX_DEPTH
from sandbox.contents.shapes import DATA, DOUBLE, FLAG, NUMBER, SHAPES, TEXT
from sandbox.contents.traits import Traits, traits_of
from sandbox.wire import protobuf
from sandbox.wire.errors import ProtobufError, WireError

DESCRIBE = Path(__file__).with_name("neonize_fields.py")
TYPES = {TEXT: {"string"}, DATA: {"bytes"}, FLAG: {"bool"}, DOUBLE: {"double"}}
TYPES[NUMBER] = {"int32", "int64", "uint32", "uint64", "enum"}

SCALARS: dict[str, st.SearchStrategy[Any]] = {
    TEXT: st.text(max_size=9),
    DATA: st.binary(max_size=9),
    FLAG: st.booleans(),
    NUMBER: st.integers(0, 2**64 - 1),
    DOUBLE: st.floats(allow_nan=False),
}


def messages(shape: str, depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    members = {}
    for name, field in SHAPES[shape].items():
        if field.kind not in SCALARS and depth == 0:
            continue
        one = SCALARS[field.kind] if field.kind in SCALARS else _inner(field.kind, depth)
        members[name] = st.lists(one, min_size=1, max_size=2) if field.repeated else one
    return st.fixed_dictionaries({}, optional=members)


def _inner(shape: str, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.deferred(lambda: messages(shape, depth - 1))


def test_every_field_is_as_neonize_defines_it() -> None:
    run = subprocess.run(
        [sys.executable, str(DESCRIBE)], capture_output=True, text=True, check=True, timeout=60
    )
    defined: dict[str, dict[str, Any]] = json.loads(run.stdout)
    for shape, fields in SHAPES.items():
        for name, field in fields.items():
            number, kind, repeated = defined[shape][name]
            assert (field.number, field.repeated) == (number, repeated), (shape, name)
            assert kind in TYPES.get(field.kind, {field.kind}), (shape, name)


@given(messages("HistorySync"))
def test_what_is_written_is_read(message: dict[str, Any]) -> None:
    assert codec.decode("HistorySync", codec.encode("HistorySync", message)) == message


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        read_message(data)
    with contextlib.suppress(WireError):
        traits_of(data)


@given(messages("Message", 1))
def test_any_message_can_be_described(message: dict[str, Any]) -> None:
    content = read_message(codec.encode("Message", message))
    json.dumps(content.details)


def test_nesting_has_an_end() -> None:
    data = text_message("x")
    for _ in range(MAX_DEPTH):
        data = protobuf.encode([(40, protobuf.encode([(1, data)]))])
    with pytest.raises(ProtobufError, match="nested"):
        read_message(data)


def test_a_copy_says_for_which_chat_and_repeats_the_secret() -> None:
    message = writing.poll("?", ["a", "b"], 0)
    data = codec.encode("Message", message)
    copy = device_sent("1@lid", data)
    outer = codec.decode("Message", copy)
    assert outer["messageContextInfo"] == message["messageContextInfo"]
    content = read_message(copy)
    assert (content.destination, content.kind, content.plaintext) == ("1@lid", "poll", data)


def test_the_secret_of_a_wrapped_message_stays_with_it() -> None:
    message = writing.poll("?", ["a", "b"], 0)
    wrapped = codec.encode("Message", writing.ephemeral(message))
    found = read_message(wrapped).message["messageContextInfo"]
    assert found == message["messageContextInfo"]


def test_what_nobody_knows_is_unsupported_with_its_fields() -> None:
    content = read_message(writing.raw_field(9_999, b"x"))
    assert (content.kind, content.details) == ("unsupported", {"raw": {"fields": [9_999]}})


KEY = writing.key_of("1@lid", "3A", from_me=True)
THEIR_KEY = writing.key_of("1@g.us", "3A", from_me=False, participant="2@lid")


@pytest.mark.parametrize(
    ("message", "traits"),
    [
        ({"conversation": "x"}, Traits("text")),
        ({"imageMessage": {}}, Traits("media", "image")),
        ({"videoMessage": {"gifPlayback": True}}, Traits("media", "gif")),
        ({"audioMessage": {"PTT": True}}, Traits("media", "ptt")),
        ({"contactsArrayMessage": {}}, Traits("media", "contact_array")),
        (writing.view_once({"imageMessage": {}}), Traits("media", "image")),
        (writing.ephemeral({"conversation": "x"}), Traits("text")),
        (writing.poll("?", ["a", "b"], 1), Traits("poll", poll_type="creation")),
        (writing.vote(KEY, {}, 1), Traits("poll", poll_type="vote")),
        (writing.reaction(KEY, "x", 1), Traits("reaction")),
        (writing.reaction(KEY, "", 1), Traits("reaction", edit="7")),
        (writing.edit(KEY, "x", 1), Traits("text", edit="1")),
        (writing.revoke(KEY), Traits("text", edit="7")),
        (writing.revoke(THEIR_KEY), Traits("text", edit="8")),
        (writing.timer(5, 1), Traits("text")),
    ],
)
def test_a_stanza_says_what_kind_of_message_it_carries(
    message: dict[str, Any], traits: Traits
) -> None:
    assert traits_of(codec.encode("Message", message)) == traits
