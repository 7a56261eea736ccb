"""Patches: encrypted changes of one collection, made by the phone or by a companion.

Source: WAWebProtobufServerSync.proto, WAWebProtobufSyncAction.proto and whatsmeow appstate/
(decode.go, encode.go). SyncdPatch: 1 version {1}, 2 mutations, 4 snapshotMAC, 5 patchMAC,
6 keyID {1}. SyncdMutation: 1 operation, 2 record {1 index {1}, 2 value {1}, 3 keyID {1}}.
SyncActionData: 1 index (JSON), 2 value, 3 padding, 4 version.
"""

import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from sandbox.syncd import hashes
from sandbox.syncd.hashes import ExpandedKeys
from sandbox.wire import protobuf
from sandbox.wire.errors import WireError
from sandbox.wire.protobuf import Fields

IV_BYTES = 16
BLOCK_BITS = 128


class PatchError(Exception):
    """A patch does not fit the collection, or was tampered with."""


@dataclass(frozen=True, slots=True)
class SyncKey:
    """A key that the phone has shared with its companions."""

    id: bytes
    data: bytes = field(repr=False)

    @property
    def expanded(self) -> ExpandedKeys:
        """The keys behind it."""
        return ExpandedKeys.expand(self.data)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One setting: what it is about, and its new value as an encoded SyncActionValue."""

    index: Sequence[str]
    value: bytes
    version: int
    operation: int = hashes.SET

    def seal(self, key: SyncKey) -> "SealedMutation":
        """Encrypt and authenticate."""
        keys = key.expanded
        index = json.dumps(list(self.index), separators=(",", ":")).encode()
        data = protobuf.encode([(1, index), (2, self.value), (3, b""), (4, self.version)])
        iv = os.urandom(IV_BYTES)
        padder = PKCS7(BLOCK_BITS).padder()
        encryptor = Cipher(AES(keys.value_encryption), CBC(iv)).encryptor()
        padded = padder.update(data) + padder.finalize()
        content = iv + encryptor.update(padded) + encryptor.finalize()
        return SealedMutation(
            operation=self.operation,
            index_mac=hashes.index_mac(keys, index),
            blob=content + hashes.content_mac(keys, self.operation, key.id, content),
            key_id=key.id,
        )


@dataclass(frozen=True, slots=True)
class SealedMutation:
    """A mutation as it travels."""

    operation: int
    index_mac: bytes
    blob: bytes
    key_id: bytes

    @property
    def value_mac(self) -> bytes:
        """The end of the blob."""
        return self.blob[-hashes.MAC_BYTES :]

    def open(self, key: SyncKey) -> Mutation:
        """Check and decrypt. Raises PatchError."""
        keys = key.expanded
        content = self.blob[: -hashes.MAC_BYTES]
        expected = hashes.content_mac(keys, self.operation, self.key_id, content)
        if not hmac.compare_digest(expected, self.value_mac):
            raise PatchError("a mutation's value does not authenticate")
        decryptor = Cipher(AES(keys.value_encryption), CBC(content[:IV_BYTES])).decryptor()
        unpadder = PKCS7(BLOCK_BITS).unpadder()
        try:
            padded = decryptor.update(content[IV_BYTES:]) + decryptor.finalize()
            fields = protobuf.decode(unpadder.update(padded) + unpadder.finalize())
            index = fields.data(1)
            parts = _index_parts(index)
            mutation = Mutation(parts, fields.data(2), fields.integer(4), self.operation)
        except (ValueError, WireError) as error:
            raise PatchError("a mutation makes no sense") from error
        if hashes.index_mac(keys, index) != self.index_mac:
            raise PatchError("a mutation's index does not authenticate")
        return mutation

    def encode(self) -> bytes:
        """The SyncdMutation."""
        record = protobuf.encode(
            [
                (1, protobuf.encode([(1, self.index_mac)])),
                (2, protobuf.encode([(1, self.blob)])),
                (3, protobuf.encode([(1, self.key_id)])),
            ]
        )
        return protobuf.encode([(1, self.operation), (2, record)])

    @classmethod
    def decode(cls, fields: Fields) -> "SealedMutation":
        """Read a SyncdMutation. Raises PatchError."""
        record = fields.message(2)
        blob = record.message(2).data(1)
        if len(blob) < IV_BYTES + hashes.MAC_BYTES:
            raise PatchError("a mutation without a value")
        operation = fields.integer(1)
        index, key_id = record.message(1).data(1), record.message(3).data(1)
        return cls(operation, index, blob, key_id)


@dataclass(slots=True)
class Collection:
    """One collection as the phone knows it: version, LT hash, and the value MAC of each index."""

    name: str
    version: int = 0
    lt_hash: bytes = bytes(hashes.HASH_BYTES)
    values: dict[bytes, bytes] = field(default_factory=dict)

    def add(self, key: SyncKey, mutations: Sequence[Mutation]) -> bytes:
        """Make the next patch from these mutations and apply it; the encoded SyncdPatch."""
        sealed = [mutation.seal(key) for mutation in mutations]
        self._apply(sealed)
        keys = key.expanded
        snapshot = hashes.snapshot_mac(keys, self.lt_hash, self.version, self.name)
        macs = [mutation.value_mac for mutation in sealed]
        return protobuf.encode(
            [
                (1, protobuf.encode([(1, self.version)])),
                *((2, mutation.encode()) for mutation in sealed),
                (4, snapshot),
                (5, hashes.patch_mac(keys, snapshot, macs, self.version, self.name)),
                (6, protobuf.encode([(1, key.id)])),
            ]
        )

    def accept(self, keys: Sequence[SyncKey], patch: bytes) -> tuple[bytes, list[Mutation]]:
        """Check and apply a companion's patch for the next version.

        Returns the patch as others get it (with its version) and what it says; the collection is
        unchanged when PatchError is raised.
        """
        try:
            fields = protobuf.decode(patch)
            sealed = [SealedMutation.decode(protobuf.decode(data)) for data in fields.all_data(2)]
            key = _key(keys, fields.message(6).data(1))
            snapshot, claimed = fields.data(4), fields.data(5)
        except WireError as error:
            raise PatchError("not a patch") from error
        opened = [mutation.open(_key(keys, mutation.key_id)) for mutation in sealed]
        following = Collection(self.name, self.version, self.lt_hash, dict(self.values))
        following._apply(sealed)
        version, name = following.version, self.name
        expanded = key.expanded
        if hashes.snapshot_mac(expanded, following.lt_hash, version, name) != snapshot:
            raise PatchError("the LT hash does not match")
        macs = [mutation.value_mac for mutation in sealed]
        if hashes.patch_mac(expanded, snapshot, macs, version, name) != claimed:
            raise PatchError("the patch does not authenticate")
        self.version, self.lt_hash, self.values = version, following.lt_hash, following.values
        return protobuf.encode([(1, protobuf.encode([(1, version)]))]) + patch, opened

    def _apply(self, mutations: Sequence[SealedMutation]) -> None:
        removed, added = [], []
        for mutation in mutations:
            previous = self.values.pop(mutation.index_mac, None)
            if previous is not None:
                removed.append(previous)
            if mutation.operation == hashes.SET:
                added.append(mutation.value_mac)
                self.values[mutation.index_mac] = mutation.value_mac
        self.lt_hash = hashes.shift_hash(self.lt_hash, removed=removed, added=added)
        self.version += 1

    def to_document(self) -> dict[str, Any]:
        """The collection as JSON-compatible data."""
        return {
            "name": self.name,
            "version": self.version,
            "lt_hash": self.lt_hash.hex(),
            "values": {index.hex(): value.hex() for index, value in self.values.items()},
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Collection":
        """The collection that `to_document` wrote."""
        key = bytes.fromhex
        values = {key(index): key(value) for index, value in document["values"].items()}
        return cls(document["name"], document["version"], key(document["lt_hash"]), values)


def _index_parts(index: bytes) -> list[str]:
    """The texts of an index. Raises ValueError."""
    parts = json.loads(index)
    if not isinstance(parts, list) or not parts:
        raise ValueError("an index is a list of texts")
    if any(not isinstance(part, str) for part in parts):
        raise ValueError("an index holds texts")
    return parts


def _key(keys: Sequence[SyncKey], key_id: bytes) -> SyncKey:
    for key in keys:
        if key.id == key_id:
            return key
    raise PatchError(f"the key {key_id.hex()} is unknown")
