"""XEdDSA in libsignal's format."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.wire import xeddsa
from sandbox.wire.keys import KeyPair


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_a_signature_verifies_for_its_key_and_message_only(message: bytes) -> None:
    signer, other = KeyPair.generate(), KeyPair.generate()
    signature = xeddsa.sign(signer.private, message)
    assert xeddsa.verify(signer.public, message, signature)
    assert not xeddsa.verify(other.public, message, signature)
    assert not xeddsa.verify(signer.public, message + b"x", signature)


def test_both_sign_bits_occur_and_verify() -> None:
    seen = set()
    while len(seen) < 2:
        signer = KeyPair.generate()
        signature = xeddsa.sign(signer.private, b"message")
        assert xeddsa.verify(signer.public, b"message", signature)
        seen.add(signature[63] >> 7)


def test_odd_sizes_never_verify() -> None:
    signer = KeyPair.generate()
    signature = xeddsa.sign(signer.private, b"message")
    assert not xeddsa.verify(signer.public, b"message", signature[:-1])
    assert not xeddsa.verify(signer.public[:-1], b"message", signature)
