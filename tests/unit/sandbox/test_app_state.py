"""App state: known answers for its hashes, and patches both ways.

The known answers were computed with whatsmeow's own code (appstate/hash.go, lthash/lthash.go).
"""

from __future__ import annotations

import pytest

from sandbox.syncd import hashes
from sandbox.syncd.hashes import REMOVE, ExpandedKeys
from sandbox.syncd.patches import Collection, Mutation, PatchError, SyncKey
from sandbox.wire import protobuf

KEY = SyncKey(bytes([1, 2, 3, 4, 5, 6]), bytes([9]) * 32)
ADDED = (
    "530d65c5e08d8d0a3accb9e7b460caecbd83baba3240092381e5c30f7184d83a"
    "b5005be5ffb6764e69de87199bb35696e25c322762752ee97a3eea10a2f6bee5"
    "975b981c2445d73080f6c9a0a3b74d506bada8b1448e1d300e636ecb4cc782de"
    "af512e1c7d489d23904966e24f3f153d22693053f7780deb018d7158d0ab517e"
)
SHIFTED = (
    "17321670b0a4da8ac80e6cc93e81e54cb1d895d9d11ec71bda825d0b70363463"
    "d2f7fb542d66914cbc880a7553d2a259c383ed933492b741b728809acdfb4c47"
    "7fad8d88375eff4d1990cc8eb7812a7f45ff2d99af5b90f8b8e8908cbe36fabc"
    "297e3983b20b55e08a04f2dd8e9e5c413a318c9869558704e5cd5eb938dff10d"
)
SNAPSHOT = "973e52b32a37a56784cc423acfb8aaa13287ede50054f8e0ab58b314b666b1c3"
PATCH = "dd1cd71aabbe57456a4546060d927c269aedbb377a5cd6c5fd7e16256cca68dd"
CONTENT = "e3bb62e4b59cdf71f75821cfed8ba08945497a1b4e7a890ab8e4fa02143001bf"
INDEX = "e7e76b22b6adaf4e7115c0a7cacdace7864a348784dcfc92d6e47f7083cc8ad3"


def macs(*numbers: int) -> list[bytes]:
    return [bytes([number]) * 32 for number in numbers]


def name(text: str) -> Mutation:
    value = protobuf.encode([(7, protobuf.encode([(1, text)]))])
    return Mutation(["setting_pushName"], value, 1)


def test_the_hash_adds_and_takes_away() -> None:
    added = hashes.shift_hash(bytes(128), removed=[], added=macs(1, 2))
    assert added.hex() == ADDED
    assert hashes.shift_hash(added, removed=macs(1), added=macs(3)).hex() == SHIFTED
    assert hashes.shift_hash(added, removed=macs(2, 1), added=[]) == bytes(128)


def test_macs_are_those_of_the_client() -> None:
    keys = ExpandedKeys.expand(KEY.data)
    snapshot = hashes.snapshot_mac(keys, bytes.fromhex(SHIFTED), 7, "critical_block")
    assert snapshot.hex() == SNAPSHOT
    assert hashes.patch_mac(keys, snapshot, macs(3), 7, "critical_block").hex() == PATCH
    assert hashes.content_mac(keys, hashes.SET, KEY.id, b"content").hex() == CONTENT
    assert hashes.index_mac(keys, b'["setting_pushName"]').hex() == INDEX


def companion_patch(collection: Collection, *mutations: Mutation) -> bytes:
    """A patch as a companion sends it: without a version."""
    copy = Collection.from_document(collection.to_document())
    patch = copy.add(KEY, mutations)
    version = protobuf.encode([(1, protobuf.encode([(1, copy.version)]))])
    return patch.removeprefix(version)


def test_a_companions_patch_is_checked_opened_and_numbered() -> None:
    collection = Collection("critical_block")
    collection.add(KEY, [name("first")])
    versioned, (mutation,) = collection.accept([KEY], companion_patch(collection, name("second")))
    assert (mutation.index, collection.version) == (["setting_pushName"], 2)
    assert protobuf.decode(mutation.value).message(7).text(1) == "second"
    assert protobuf.decode(versioned).message(1).integer(1) == 2
    assert len(collection.values) == 1


def test_a_removed_value_leaves_the_hash() -> None:
    collection = Collection("critical_unblock_low")
    collection.add(KEY, [Mutation(["contact", "1@s.whatsapp.net"], b"", 2)])
    collection.add(KEY, [Mutation(["contact", "1@s.whatsapp.net"], b"", 2, REMOVE)])
    assert (collection.lt_hash, collection.values, collection.version) == (bytes(128), {}, 2)


def test_a_patch_for_another_state_changes_nothing() -> None:
    collection = Collection("critical_block")
    patch = companion_patch(collection, name("early"))
    collection.add(KEY, [name("meanwhile")])
    before = collection.to_document()
    with pytest.raises(PatchError, match="LT hash"):
        collection.accept([KEY], patch)
    assert collection.to_document() == before


@pytest.mark.parametrize("position", [10, 40, 100, -50, -20])
def test_a_changed_patch_is_refused(position: int) -> None:
    collection = Collection("critical_block")
    patch = bytearray(companion_patch(collection, name("true")))
    patch[position] ^= 1
    with pytest.raises(PatchError):
        collection.accept([KEY], bytes(patch))
    assert collection.version == 0


def test_a_patch_with_an_unknown_key_is_refused() -> None:
    collection = Collection("critical_block")
    patch = companion_patch(collection, name("whose"))
    with pytest.raises(PatchError, match="unknown"):
        collection.accept([SyncKey(b"other", bytes(32))], patch)


@pytest.mark.parametrize("patch", [b"", b"\xff", b"\x12\x00"])
def test_nonsense_is_no_patch(patch: bytes) -> None:
    with pytest.raises(PatchError):
        Collection("critical_block").accept([KEY], patch)
