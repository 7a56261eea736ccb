"""The sealed form: what goes in comes out, for its owner and with its key only."""

from __future__ import annotations

import io
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_mgr.snapshots import envelope
from sessions_mgr.snapshots.envelope import Keyring, Owner
from sessions_mgr.snapshots.errors import SnapshotUnreadable

OWNER = Owner(UUID(int=1), UUID(int=2))
OLD, NEW = b"o" * 32, b"n" * 32


def seal(data, *, keys=(OLD,), owner=OWNER, description=None):
    target = io.BytesIO()
    envelope.seal(
        keyring=Keyring(keys),
        owner=owner,
        description=description or {"sha256": "x"},
        database=io.BytesIO(data),
        target=target,
    )
    return target.getvalue()


def unseal(sealed, *, keys=(OLD,), owner=OWNER):
    target = io.BytesIO()
    found = envelope.unseal(
        keyring=Keyring(keys), owner=owner, source=io.BytesIO(sealed), target=target
    )
    return found, target.getvalue()


@given(st.binary(max_size=3000), st.dictionaries(st.text(max_size=9), st.text(max_size=99)))
@settings(max_examples=60, deadline=None)
def test_what_goes_in_comes_out(data, description):
    description = description or {"a": "b"}
    assert unseal(seal(data, description=description)) == (description, data)


def test_a_database_of_several_chunks_comes_out_whole():
    data = bytes(range(256)) * 4000
    assert unseal(seal(data))[1] == data


@given(st.binary(min_size=1, max_size=200), st.data())
@settings(max_examples=150, deadline=None)
def test_no_changed_bit_goes_unnoticed(data, draw):
    sealed = bytearray(seal(data))
    at = draw.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(SnapshotUnreadable):
        unseal(bytes(sealed))


@given(st.integers(0, 150))
@settings(max_examples=60, deadline=None)
def test_no_cut_goes_unnoticed(length):
    sealed = seal(b"d" * 200)
    with pytest.raises(SnapshotUnreadable):
        unseal(sealed[:length])


def test_bytes_at_the_end_are_noticed():
    with pytest.raises(SnapshotUnreadable):
        unseal(seal(b"data") + b"x")


def test_anything_else_is_not_a_snapshot():
    with pytest.raises(SnapshotUnreadable, match="not a snapshot"):
        unseal(b"SQLite format 3\0" * 10)


def test_a_later_format_is_named():
    sealed = bytearray(seal(b"data"))
    sealed[8] = 9
    with pytest.raises(SnapshotUnreadable, match="format 9"):
        unseal(bytes(sealed))


@pytest.mark.parametrize(
    "other", [Owner(UUID(int=1), UUID(int=3)), Owner(UUID(int=3), UUID(int=2))]
)
def test_it_opens_for_its_own_account_in_its_own_workspace_only(other):
    with pytest.raises(SnapshotUnreadable, match="another account"):
        unseal(seal(b"data"), owner=other)


def test_a_missing_key_is_named_and_never_told():
    with pytest.raises(SnapshotUnreadable) as refused:
        unseal(seal(b"data", keys=(OLD,)), keys=(NEW,))
    assert envelope.key_id(OLD) in str(refused.value)
    assert envelope.key_id(NEW) in str(refused.value)
    assert OLD.hex() not in str(refused.value)


def test_the_first_key_seals_and_every_key_opens():
    old = seal(b"old", keys=(OLD,))
    new = seal(b"new", keys=(NEW, OLD))
    assert unseal(old, keys=(NEW, OLD))[1] == b"old"
    assert unseal(new, keys=(NEW,))[1] == b"new"


def test_the_same_database_is_never_sealed_the_same_way_twice():
    assert seal(b"data") != seal(b"data")


def test_neither_the_database_nor_the_number_is_legible():
    sealed = seal(b"noise_key" * 50, description={"device_jid": "15550001:1@s.whatsapp.net"})
    assert b"noise_key" not in sealed
    assert b"15550001" not in sealed


def test_a_keyring_does_not_show_its_keys():
    assert OLD.hex() not in repr(Keyring((OLD,))) and "ooo" not in repr(Keyring((OLD,)))
