"""The sealed form of a snapshot: AES-256-GCM over its description and the database, as a stream.

    header   magic 8, version 1, key id 8, nonce 12 bytes
    body     AES-256-GCM of: length of the description (4 bytes), description (JSON), database
    tag      16 bytes

Authenticated with it: the header, the workspace and the account. So a snapshot that was changed,
cut, or put under another account does not open. Pure: streams in, streams out, no settings.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .errors import SnapshotUnreadable

MAGIC = b"SWBSTORE"
VERSION = 1
KEY_BYTES = 32
_HEADER = struct.Struct(">8sB8s12s")
_LENGTH = struct.Struct(">I")
_TAG_BYTES = 16
_CHUNK = 256 * 1024  # bytes that are in memory at once
_DESCRIPTION_LIMIT = 64 * 1024  # bytes; ours have a few hundred


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose snapshot it is. Part of what is authenticated."""

    workspace: UUID
    account: UUID

    @property
    def proof(self) -> bytes:
        return self.workspace.bytes + self.account.bytes


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """The first key seals; every key opens what it has sealed."""

    keys: Sequence[bytes]

    @property
    def current_id(self) -> str:
        return key_id(self.keys[0])

    def find(self, wanted: str) -> bytes:
        """The key with this id, or SnapshotUnreadable."""
        for key in self.keys:
            if key_id(key) == wanted:
                return key
        raise SnapshotUnreadable(
            f"it was sealed with the key {wanted}, which is not among STORE_KEYS "
            f"(here: {', '.join(key_id(key) for key in self.keys)})"
        )


def key_id(key: bytes) -> str:
    """Names a key without telling it: 16 hexadecimal digits."""
    return hashlib.sha256(b"switchboard store key\0" + key).hexdigest()[:16]


def seal(
    *,
    keyring: Keyring,
    owner: Owner,
    description: dict[str, Any],
    database: BinaryIO,
    target: BinaryIO,
) -> str:
    """Write the sealed form of `database` to `target`. Returns the id of the key."""
    nonce = os.urandom(12)
    header = _HEADER.pack(MAGIC, VERSION, bytes.fromhex(keyring.current_id), nonce)
    text = json.dumps(description, sort_keys=True).encode()
    if len(text) > _DESCRIPTION_LIMIT:
        raise ValueError("a description has a few hundred bytes")
    cipher = Cipher(algorithms.AES256(keyring.keys[0]), modes.GCM(nonce)).encryptor()
    cipher.authenticate_additional_data(header + owner.proof)
    target.write(header)
    target.write(cipher.update(_LENGTH.pack(len(text)) + text))
    while chunk := database.read(_CHUNK):
        target.write(cipher.update(chunk))
    target.write(cipher.finalize())
    target.write(cipher.tag)
    return keyring.current_id


def unseal(*, keyring: Keyring, owner: Owner, source: Readable, target: BinaryIO) -> dict[str, Any]:
    """Write the database to `target` and return its description.

    What `target` holds may only be used when this returns: bytes are written before the tag at
    the end has been checked. SnapshotUnreadable says in a sentence why it did not open.
    """
    header, key, nonce = _read_header(source, keyring)
    cipher = Cipher(algorithms.AES256(key), modes.GCM(nonce)).decryptor()
    cipher.authenticate_additional_data(header + owner.proof)
    splitter = _Splitter(target)
    held_back = b""
    while chunk := source.read(_CHUNK):
        held_back += chunk
        if len(held_back) > _TAG_BYTES:
            splitter.write(cipher.update(held_back[:-_TAG_BYTES]))
            held_back = held_back[-_TAG_BYTES:]
    try:
        cipher.finalize_with_tag(held_back)
    except (InvalidTag, ValueError):
        raise SnapshotUnreadable("it was changed, cut, or belongs to another account") from None
    return splitter.description()


def _read_header(source: Readable, keyring: Keyring) -> tuple[bytes, bytes, bytes]:
    header = source.read(_HEADER.size)
    if len(header) != _HEADER.size or not header.startswith(MAGIC):
        raise SnapshotUnreadable("it is not a snapshot of a store")
    _magic, version, wanted, nonce = _HEADER.unpack(header)
    if version != VERSION:
        raise SnapshotUnreadable(f"it has the format {version}; this program knows {VERSION}")
    return header, keyring.find(wanted.hex()), nonce


class _Splitter:
    """Keeps the description, passes the database on."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._head = b""
        self._is_open = True  # the description is not complete yet

    def write(self, data: bytes) -> None:
        if not self._is_open:
            self._target.write(data)
            return
        self._head += data
        end = self._end()
        if end is not None and len(self._head) >= end:
            self._target.write(self._head[end:])
            self._head, self._is_open = self._head[_LENGTH.size : end], False

    def _end(self) -> int | None:
        if len(self._head) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._head)
        if length > _DESCRIPTION_LIMIT:  # not authenticated yet: do not believe any length
            raise SnapshotUnreadable("it was changed, cut, or belongs to another account")
        return _LENGTH.size + int(length)

    def description(self) -> dict[str, Any]:
        """To be called after the tag was checked."""
        if self._is_open:
            raise SnapshotUnreadable("it has no description")
        found: dict[str, Any] = json.loads(self._head)
        return found
