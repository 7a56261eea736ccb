"""Files and votes: against the cryptography library, and against tampering."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from sandbox.contents import codec
from sandbox.contents.sealed_files import KEY_INFO, SealedFile, SealedFileError, seal, unseal
from sandbox.contents.votes import open_vote, option_hash, seal_vote

KEY = bytes(range(32))
AUTHOR, VOTER = "1@lid", "2@lid"


def opened(sealed: SealedFile, kind: str, body: bytes | None = None) -> bytes:
    return unseal(
        sealed.body if body is None else body,
        kind,
        sealed.media_key,
        sha256=sealed.sha256,
        plain_sha256=sealed.plain_sha256,
    )


def hkdf(secret: bytes, size: int, info: bytes) -> bytes:
    return HKDF(SHA256(), size, salt=None, info=info).derive(secret)


@pytest.mark.parametrize(("kind", "info"), KEY_INFO.items())
def test_a_file_is_sealed_as_the_definition_says(kind: str, info: bytes) -> None:
    sealed = seal(b"hello", kind, KEY)
    keys = hkdf(KEY, 112, info)
    body, tag = sealed.body[:-10], sealed.body[-10:]
    assert hmac.digest(keys[48:80], keys[:16] + body, "sha256")[:10] == tag
    decryptor = Cipher(AES(keys[16:48]), CBC(keys[:16])).decryptor()
    assert decryptor.update(body) + decryptor.finalize() == b"hello" + bytes([11]) * 11
    assert sealed.sha256 == hashlib.sha256(sealed.body).digest()
    assert sealed.plain_sha256 == hashlib.sha256(b"hello").digest()


@given(st.binary(max_size=100))
def test_a_sealed_file_can_be_opened(data: bytes) -> None:
    assert opened(seal(data, "image"), "image") == data


def test_a_file_is_not_opened_as_another_kind() -> None:
    with pytest.raises(SealedFileError, match="authenticate"):
        opened(seal(b"x", "image"), "document")


def test_a_changed_file_is_refused() -> None:
    sealed = seal(b"x", "image")
    changed = bytes([sealed.body[0] ^ 1]) + sealed.body[1:]
    with pytest.raises(SealedFileError, match="hash of the encrypted"):
        opened(sealed, "image", changed)


def test_a_file_with_another_hash_inside_is_refused() -> None:
    sealed = seal(b"x", "image")
    with pytest.raises(SealedFileError, match="decrypted"):
        unseal(sealed.body, "image", sealed.media_key, sha256=sealed.sha256, plain_sha256=bytes(32))


def test_a_vote_is_sealed_as_the_definition_says() -> None:
    vote = seal_vote(KEY, "3A", author=AUTHOR, voter=VOTER, options=["b"])
    key = hkdf(KEY, 32, b"3A" + AUTHOR.encode() + VOTER.encode() + b"Poll Vote")
    plain = AESGCM(key).decrypt(vote["encIV"], vote["encPayload"], b"3A\0" + VOTER.encode())
    chosen = codec.decode("PollVoteMessage", plain)["selectedOptions"]
    assert chosen == [hashlib.sha256(b"b").digest()]


def test_a_vote_is_opened_by_whichever_address_was_used() -> None:
    vote = seal_vote(KEY, "3A", author=AUTHOR, voter=VOTER, options=["a", "b"])
    found = open_vote(KEY, "3A", authors=["x@lid", AUTHOR], voters=["y@lid", VOTER], vote=vote)
    assert found == [option_hash("a"), option_hash("b")]


@pytest.mark.parametrize(
    ("secret", "poll", "author", "voter"),
    [
        (bytes(32), "3A", AUTHOR, VOTER),
        (KEY, "3B", AUTHOR, VOTER),
        (KEY, "3A", "3@lid", VOTER),
        (KEY, "3A", AUTHOR, "3@lid"),
    ],
)
def test_a_vote_stays_closed_to_others(secret: bytes, poll: str, author: str, voter: str) -> None:
    vote = seal_vote(KEY, "3A", author=AUTHOR, voter=VOTER, options=["a"])
    assert open_vote(secret, poll, authors=[author], voters=[voter], vote=vote) is None


def test_a_vote_without_an_iv_stays_closed() -> None:
    assert open_vote(KEY, "3A", authors=[AUTHOR], voters=[VOTER], vote={}) is None
