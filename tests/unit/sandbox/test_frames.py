"""Frames survive any cutting of the stream, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.wire.errors import FrameError
from sandbox.wire.frames import HEADER, MAX_FRAME_BYTES, FrameDecoder, encode_frame


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 40))
def test_bodies_come_out_as_they_went_in_however_the_stream_is_cut(
    bodies: list[bytes], size: int
) -> None:
    stream = HEADER + b"".join(encode_frame(body) for body in bodies)
    decoder = FrameDecoder()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [body for piece in pieces for body in decoder.feed(piece)] == bodies


def test_a_wrong_header_is_refused_at_the_first_wrong_byte() -> None:
    with pytest.raises(FrameError):
        FrameDecoder().feed(b"GET")


def test_a_body_that_does_not_fit_is_refused() -> None:
    with pytest.raises(FrameError):
        encode_frame(bytes(MAX_FRAME_BYTES + 1))
