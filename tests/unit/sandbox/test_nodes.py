"""Binary XML: what is written is read back, and hostile bytes raise one typed error."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.wire import tokens
from sandbox.wire.decoder import MAX_DEPTH, decode_node
from sandbox.wire.encoder import encode_node
from sandbox.wire.errors import NodeError
from sandbox.wire.jids import LID_SERVER, PHONE_SERVER, Jid
from sandbox.wire.nodes import Node

TEXTS = st.one_of(
    st.sampled_from([token for token in tokens.SINGLE if token]),
    st.sampled_from(tokens.DOUBLE[2]),
    st.text(alphabet=tokens.NIBBLES, min_size=1, max_size=140),
    st.text(alphabet=tokens.HEX_DIGITS, min_size=1, max_size=140),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300),
)
USERS = st.text(alphabet="0123456789", min_size=1, max_size=15)
JIDS = st.one_of(
    st.builds(Jid, USERS, st.sampled_from([PHONE_SERVER, LID_SERVER]), st.integers(0, 255)),
    st.builds(Jid, st.one_of(st.just(""), USERS), st.sampled_from(["g.us", "c.us", "broadcast"])),
)
ATTRIBUTES = st.dictionaries(TEXTS, st.one_of(TEXTS, JIDS), max_size=4)
NODES = st.recursive(
    st.builds(Node, TEXTS, ATTRIBUTES, st.one_of(st.none(), st.binary(max_size=400))),
    lambda nodes: st.builds(Node, TEXTS, ATTRIBUTES, st.lists(nodes, max_size=3)),
    max_leaves=6,
)


@given(NODES, st.booleans())
def test_a_node_is_read_back_as_it_was_written(node: Node, compress: bool) -> None:
    assert decode_node(encode_node(node, compress=compress)) == node


@given(st.binary(max_size=200))
def test_any_bytes_are_a_node_or_a_node_error(data: bytes) -> None:
    with contextlib.suppress(NodeError):
        decode_node(data)


@given(NODES, st.data())
def test_a_node_with_a_broken_byte_is_a_node_or_a_node_error(
    node: Node, data: st.DataObject
) -> None:
    body = bytearray(encode_node(node))
    position = data.draw(st.integers(0, len(body) - 1))
    body[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NodeError):
        decode_node(bytes(body))


def test_large_content_and_long_lists_are_read_back() -> None:
    node = Node("list", {}, [Node("user", {"id": str(number)}) for number in range(300)])
    assert decode_node(encode_node(node)) == node
    for size in (255, 256, 2**20):
        large = Node("enc", {}, bytes(size))
        assert decode_node(encode_node(large)) == large


def test_absent_and_empty_attributes_are_not_written() -> None:
    node = Node("iq", {"id": "", "type": None, "t": 7})
    assert decode_node(encode_node(node)) == Node("iq", {"t": "7"})


def test_endless_nesting_is_refused() -> None:
    node = Node("a")
    for _ in range(MAX_DEPTH + 1):
        node = Node("a", {}, [node])
    with pytest.raises(NodeError):
        decode_node(encode_node(node))


def test_a_device_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(NodeError):
        encode_node(Node("iq", {"to": Jid("1", PHONE_SERVER, 256)}))


def test_a_compressed_bomb_is_refused() -> None:
    bomb = encode_node(Node("enc", {}, bytes(2**24)), compress=True)
    with pytest.raises(NodeError):
        decode_node(bomb)


@pytest.mark.parametrize("text", ["15550001:3@s.whatsapp.net", "9@lid", "g.us"])
def test_a_jid_is_parsed_as_it_is_shown(text: str) -> None:
    assert str(Jid.parse(text)) == text


@pytest.mark.parametrize("text", ["", "@lid", "1:x@lid"])
def test_what_is_not_a_jid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Jid.parse(text)
