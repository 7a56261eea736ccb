"""Poll votes: encrypted with the secret that the poll itself carries.

Source: whatsmeow msgsecret.go. The key is HKDF-SHA256 of the secret with poll id, author of the
poll, voter and "Poll Vote" as info; AES-256-GCM, and the poll id, a zero byte and the voter are
authenticated along. Options are named by the SHA-256 of their texts.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sandbox.contents import codec
from sandbox.contents.codec import Message
from sandbox.wire.errors import WireError
from sandbox.wire.keys import derive

SECRET_BYTES = 32
IV_BYTES = 12
USE_CASE = "Poll Vote"


def option_hash(option: str) -> bytes:
    """How a vote names an option."""
    return hashlib.sha256(option.encode()).digest()


def seal_vote(
    secret: bytes, poll_id: str, *, author: str, voter: str, options: Iterable[str]
) -> Message:
    """The PollEncValue of a vote for these options (none: the vote is taken back).

    `author` and `voter` are addresses of people (no device), written as text.
    """
    plaintext = codec.encode(
        "PollVoteMessage", {"selectedOptions": [option_hash(option) for option in options]}
    )
    iv = os.urandom(IV_BYTES)
    key, extra = _key(secret, poll_id, author, voter)
    return {"encPayload": AESGCM(key).encrypt(iv, plaintext, extra), "encIV": iv}


def open_vote(
    secret: bytes, poll_id: str, *, authors: Sequence[str], voters: Sequence[str], vote: Message
) -> list[bytes] | None:
    """The hashes of the chosen options; None when it cannot be read.

    Clients may use the number or the hidden id of either side, so all that is possible is tried.
    """
    iv, payload = vote.get("encIV", b""), vote.get("encPayload", b"")
    if len(iv) != IV_BYTES:
        return None
    for author in authors:
        for voter in voters:
            key, extra = _key(secret, poll_id, author, voter)
            try:
                plaintext = AESGCM(key).decrypt(iv, payload, extra)
                chosen = codec.decode("PollVoteMessage", plaintext)
            except (InvalidTag, WireError):
                continue  # written under another pair of their names
            hashes: list[bytes] = chosen.get("selectedOptions", [])
            return hashes
    return None


def _key(secret: bytes, poll_id: str, author: str, voter: str) -> tuple[bytes, bytes]:
    info = f"{poll_id}{author}{voter}{USE_CASE}".encode()
    return derive(secret, 32, info=info), f"{poll_id}\0{voter}".encode()
