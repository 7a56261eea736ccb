"""The LT hash and the MACs that make a collection's history tamper-evident.

Source: whatsmeow appstate/hash.go and lthash/lthash.go. The LT hash is a sum: 64 little-endian
16 bit numbers, to which each value MAC, expanded to 128 bytes, is added, or from which it is taken.
"""

import hmac
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.wire.keys import derive, mac

HASH_BYTES = 128
HASH_INFO = b"WhatsApp Patch Integrity"
KEYS_INFO = b"WhatsApp Mutation Keys"
MAC_BYTES = 32
SET, REMOVE = 0, 1
_NUMBERS = struct.Struct("<64H")


@dataclass(frozen=True, slots=True)
class ExpandedKeys:
    """The five keys behind one app state key."""

    index: bytes
    value_encryption: bytes
    value_mac: bytes
    snapshot_mac: bytes
    patch_mac: bytes

    @classmethod
    def expand(cls, key: bytes) -> "ExpandedKeys":
        """Derive them from the 32 bytes that the phone shares."""
        out = derive(key, 160, info=KEYS_INFO)
        return cls(*(out[start : start + 32] for start in range(0, 160, 32)))


def shift_hash(base: bytes, *, removed: Iterable[bytes], added: Iterable[bytes]) -> bytes:
    """The LT hash (128 bytes) after taking out and adding these value MACs."""
    numbers = list(_NUMBERS.unpack(base))
    for sign, macs in ((-1, removed), (1, added)):
        for value_mac in macs:
            expanded = _NUMBERS.unpack(derive(value_mac, HASH_BYTES, info=HASH_INFO))
            numbers = [
                (number + sign * change) & 0xFFFF
                for number, change in zip(numbers, expanded, strict=True)
            ]
    return _NUMBERS.pack(*numbers)


def index_mac(keys: ExpandedKeys, index: bytes) -> bytes:
    """Names a mutation without telling what it is about; `index` is JSON."""
    return mac(keys.index, index)


def content_mac(keys: ExpandedKeys, operation: int, key_id: bytes, content: bytes) -> bytes:
    """The value MAC; `content` is the IV and the ciphertext."""
    length = (len(key_id) + 1).to_bytes(8, "big")
    data = bytes([operation + 1]) + key_id + content + length
    return hmac.digest(keys.value_mac, data, "sha512")[:MAC_BYTES]


def snapshot_mac(keys: ExpandedKeys, lt_hash: bytes, version: int, name: str) -> bytes:
    """Covers the whole collection at this version."""
    return mac(keys.snapshot_mac, lt_hash + version.to_bytes(8, "big") + name.encode())


def patch_mac(
    keys: ExpandedKeys, snapshot: bytes, value_macs: Iterable[bytes], version: int, name: str
) -> bytes:
    """Covers one patch."""
    data = snapshot + b"".join(value_macs) + version.to_bytes(8, "big") + name.encode()
    return mac(keys.patch_mac, data)
