"""The one family of errors that hostile or broken input may raise in this package."""


class WireError(Exception):
    """The peer sent bytes that are not what the protocol allows at this point."""


class FrameError(WireError):
    """A frame is malformed or larger than the protocol allows."""


class HandshakeError(WireError):
    """The Noise handshake failed: wrong order, wrong key or wrong ciphertext."""


class NodeError(WireError):
    """Bytes are not binary XML, or a node cannot be expressed in it."""


class ProtobufError(WireError):
    """Bytes are not a protobuf message, or a field has an unexpected wire type."""
