"""The two ciphertext formats of Signal, message version 3, and WhatsApp's padding.

Source: libsignal SignalMessage/PreKeySignalMessage and whatsmeow send.go (padMessage). A public
key is written with its type byte 5; the MAC covers both identities and is cut to 8 bytes.
"""

import os
from dataclasses import dataclass, replace

from sandbox.signal.errors import SignalError
from sandbox.wire import protobuf
from sandbox.wire.errors import WireError
from sandbox.wire.keys import DJB_TYPE, mac

VERSION = b"\x33"
"""Message version 3 in the high half, the newest version this side knows in the low half."""
MAC_BYTES = 8
PUBLIC_BYTES = 33
MAX_PADDING = 16


@dataclass(frozen=True, slots=True)
class SignalMessage:
    """One ratchet message as it travels."""

    ratchet_key: bytes
    counter: int
    previous_counter: int
    ciphertext: bytes
    serialized: bytes
    """Everything the MAC covers besides the identities."""
    mac: bytes

    @classmethod
    def seal(
        cls,
        *,
        ratchet_key: bytes,
        counter: int,
        previous_counter: int,
        ciphertext: bytes,
        mac_key: bytes,
        identities: bytes,
    ) -> "SignalMessage":
        """Serialize and authenticate; `identities` is sender then receiver, typed keys."""
        serialized = VERSION + protobuf.encode(
            [
                (1, DJB_TYPE + ratchet_key),
                (2, counter),
                (3, previous_counter),
                (4, ciphertext),
            ]
        )
        tag = mac(mac_key, identities + serialized)[:MAC_BYTES]
        return cls(ratchet_key, counter, previous_counter, ciphertext, serialized, tag)

    @classmethod
    def parse(cls, data: bytes) -> "SignalMessage":
        """Read a `msg` ciphertext. Raises SignalError."""
        body, tag = data[:-MAC_BYTES], data[-MAC_BYTES:]
        try:
            fields = protobuf.decode(_after_version(body))
            ratchet_key = _untyped(fields.sized(1, PUBLIC_BYTES))
            counter, previous = fields.integer(2), fields.integer(3)
            return cls(ratchet_key, counter, previous, fields.data(4), body, tag)
        except WireError as error:
            raise SignalError("not a Signal message") from error

    def to_bytes(self) -> bytes:
        """The `msg` ciphertext."""
        return self.serialized + self.mac


@dataclass(frozen=True, slots=True)
class PrekeyMessage:
    """A ratchet message plus what the receiver needs to build the session first."""

    registration: int
    prekey_id: int | None
    signed_prekey_id: int
    base_key: bytes
    identity: bytes
    message: bytes

    @classmethod
    def parse(cls, data: bytes) -> "PrekeyMessage":
        """Read a `pkmsg` ciphertext. Raises SignalError."""
        try:
            fields = protobuf.decode(_after_version(data))
            return cls(
                registration=fields.integer(5),
                prekey_id=fields.integer(1) if 1 in fields else None,
                signed_prekey_id=fields.integer(6),
                base_key=_untyped(fields.sized(2, PUBLIC_BYTES)),
                identity=_untyped(fields.sized(3, PUBLIC_BYTES)),
                message=fields.data(4),
            )
        except WireError as error:
            raise SignalError("not a Signal prekey message") from error

    def to_bytes(self) -> bytes:
        """The `pkmsg` ciphertext."""
        return VERSION + protobuf.encode(
            [
                (1, self.prekey_id),
                (2, DJB_TYPE + self.base_key),
                (3, DJB_TYPE + self.identity),
                (4, self.message),
                (5, self.registration),
                (6, self.signed_prekey_id),
            ]
        )


def _after_version(data: bytes) -> bytes:
    if not data or data[0] >> 4 != VERSION[0] >> 4:
        raise SignalError("not message version 3")
    return data[1:]


def _untyped(public: bytes) -> bytes:
    if not public.startswith(DJB_TYPE):
        raise SignalError("a public key of an unknown type")
    return public[1:]


def pad(plaintext: bytes) -> bytes:
    """Append 1 to 16 bytes that each hold their number."""
    size = os.urandom(1)[0] % MAX_PADDING + 1
    return plaintext + bytes([size]) * size


def unpad(padded: bytes) -> bytes:
    """Remove the padding. Raises SignalError when there is none."""
    size = padded[-1] if padded else 0
    if not 0 < size <= len(padded) or padded[-size:] != bytes([size]) * size:
        raise SignalError("the plaintext is not padded")
    return padded[:-size]


def broken(kind: str, ciphertext: bytes) -> bytes:
    """The ciphertext of this kind with a MAC that is wrong in its last byte."""
    if kind == "pkmsg":
        whole = PrekeyMessage.parse(ciphertext)
        return replace(whole, message=broken("msg", whole.message)).to_bytes()
    return ciphertext[:-1] + bytes([ciphertext[-1] ^ 0xFF])
