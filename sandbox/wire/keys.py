"""Curve25519 key pairs and the two key derivations that every layer shares."""

import hmac
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.wire.errors import WireError

KEY_BYTES = 32
DJB_TYPE = b"\x05"
"""Signal writes a public key as this type byte plus its 32 bytes."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A Curve25519 key pair, 32 bytes each; the private half never shows in a repr."""

    private: bytes = field(repr=False)
    public: bytes

    @classmethod
    def generate(cls) -> "KeyPair":
        """A new random key pair."""
        return cls.from_private(X25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_private(cls, private: bytes) -> "KeyPair":
        """The pair that belongs to a stored private key (clamped as Curve25519 demands)."""
        clamped = bytearray(private)
        clamped[0] &= 248
        clamped[31] = clamped[31] & 127 | 64
        loaded = X25519PrivateKey.from_private_bytes(bytes(clamped))
        public = loaded.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return cls(bytes(clamped), public)

    def agree(self, public: bytes) -> bytes:
        """The 32 byte shared secret with `public`. Raises WireError for a key that is none."""
        try:
            other = X25519PublicKey.from_public_bytes(public)
            return X25519PrivateKey.from_private_bytes(self.private).exchange(other)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise WireError("not a usable Curve25519 public key") from error


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.digest(key, message, "sha256")


def derive(secret: bytes, size: int, *, salt: bytes = b"", info: bytes = b"") -> bytes:
    """HKDF-SHA256 (RFC 5869); an empty salt means 32 zero bytes."""
    pseudo_random = mac(salt or bytes(32), secret)
    out = block = b""
    counter = 1
    while len(out) < size:
        block = mac(pseudo_random, block + info + bytes([counter]))
        out += block
        counter += 1
    return out[:size]
