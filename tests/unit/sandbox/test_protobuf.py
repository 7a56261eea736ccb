"""Schema-less protobuf against its own writer, the real library and hostile bytes."""

import contextlib

import pytest
from google.protobuf.struct_pb2 import Value
from hypothesis import given
from hypothesis import strategies as st

from sandbox.wire import protobuf
from sandbox.wire.errors import ProtobufError

FIELDS = st.dictionaries(
    st.integers(1, 2**20), st.one_of(st.integers(0, 2**64 - 1), st.binary(max_size=50)), max_size=6
)


@given(FIELDS)
def test_fields_are_read_back_as_they_were_written(fields: dict[int, int | bytes]) -> None:
    decoded = protobuf.decode(protobuf.encode(fields.items()))
    for number, value in fields.items():
        read = decoded.integer(number) if isinstance(value, int) else decoded.data(number)
        assert read == value


@given(st.binary(max_size=100))
def test_any_bytes_are_a_message_or_a_protobuf_error(data: bytes) -> None:
    with contextlib.suppress(ProtobufError):
        protobuf.decode(data)


def test_it_reads_what_the_real_library_writes() -> None:
    assert protobuf.decode(Value(string_value="hello").SerializeToString()).text(3) == "hello"


def test_absent_fields_have_defaults_and_absent_values_are_not_written() -> None:
    decoded = protobuf.decode(protobuf.encode([(1, None), (2, "x")]))
    assert (1 in decoded, decoded.integer(1, 9), decoded.data(1)) == (False, 9, b"")


@pytest.mark.parametrize("read", ["integer", "data"])
def test_a_field_of_the_other_type_is_refused(read: str) -> None:
    decoded = protobuf.decode(protobuf.encode([(1, b"x" if read == "integer" else 1)]))
    with pytest.raises(ProtobufError):
        getattr(decoded, read)(1)


def test_a_key_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ProtobufError):
        protobuf.decode(protobuf.encode([(1, b"short")])).sized(1, 32)
