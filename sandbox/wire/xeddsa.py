"""XEdDSA signatures in libsignal's format: the sign bit of the Edwards key rides in the signature.

libsignal keeps Montgomery public keys, which have no sign; it stores the sign bit of the signer's
Edwards key in bit 7 of signature byte 63 (libsignal curve25519-donna `curve_sigs.c`). The `xeddsa`
package signs and verifies with Edwards keys, so only that bit is moved here.
"""

from typing import Final

from xeddsa import bindings

SIGNATURE_BYTES: Final = 64
_SIGN_BIT: Final = 0x80


def sign(private: bytes, message: bytes) -> bytes:
    """The 64 byte signature of `message` by a Curve25519 private key."""
    signature = bytearray(bindings.ed25519_priv_sign(private, message))
    signature[63] |= bindings.priv_to_ed25519_pub(private)[31] & _SIGN_BIT
    return bytes(signature)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is by the owner of the Curve25519 public key. False for odd sizes."""
    if len(public) != bindings.CURVE_25519_PUB_SIZE or len(signature) != SIGNATURE_BYTES:
        return False
    plain = bytearray(signature)
    negative = bool(plain[63] & _SIGN_BIT)
    plain[63] &= ~_SIGN_BIT & 0xFF
    edwards = bindings.curve25519_pub_to_ed25519_pub(public, negative)
    return bool(bindings.ed25519_verify(bytes(plain), edwards, message))
