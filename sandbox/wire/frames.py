"""Frames: three bytes of length, then the body; the client's first bytes are a four byte header.

Source: whatsmeow socket/framesocket.go and socket/constants.go. The server answers with one whole
frame per websocket message because whatsmeow's reassembly across messages is not reliable.
"""

from sandbox.wire.errors import FrameError

HEADER = b"WA\x06\x03"
"""Magic `WA`, protocol 6, token dictionary 3. It is mixed into the Noise hash."""

LENGTH_BYTES = 3
MAX_FRAME_BYTES = 2 ** (8 * LENGTH_BYTES) - 1


def encode_frame(body: bytes) -> bytes:
    """The frame for `body`. Raises FrameError when it does not fit the three byte length."""
    if len(body) > MAX_FRAME_BYTES:
        raise FrameError(f"a frame holds at most {MAX_FRAME_BYTES} bytes, not {len(body)}")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class FrameDecoder:
    """Cuts a stream of client bytes into frame bodies; checks and removes the header first.

    The caller feeds whatever arrived, in order, and must drop the connection after a FrameError.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._header_seen = False

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies completed by `data`, oldest first. Raises FrameError on a wrong header."""
        self._buffer += data
        if not self._header_seen:
            received = bytes(self._buffer[: len(HEADER)])
            if not HEADER.startswith(received):
                raise FrameError(f"expected the header {HEADER.hex()}, got {received.hex()}")
            if len(received) < len(HEADER):
                return []
            del self._buffer[: len(HEADER)]
            self._header_seen = True
        return list(self._complete_bodies())

    def _complete_bodies(self) -> list[bytes]:
        bodies = []
        while len(self._buffer) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if len(self._buffer) < end:
                break
            bodies.append(bytes(self._buffer[LENGTH_BYTES:end]))
            del self._buffer[:end]
        return bodies
