"""What survives a restart, and the rules of waiting stanzas."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from sandbox.network.model import Device, Phone
from sandbox.network.store import Store
from sandbox.wire.key_nodes import PublicPrekey

DIGITS = "15550001"


def make_phone() -> Phone:
    return Phone.create(DIGITS, name="Name", lid_user="9", now=1, requires_passkey=True)


def make_device(phone: Phone) -> Device:
    return Device(
        phone=phone,
        number=1,
        noise_key=bytes(32),
        registration=b"\0\0\0\1",
        identity=b"i" * 32,
        signed_prekey=PublicPrekey(5, b"p" * 32, b"s" * 64),
        signed_identity=b"signed",
    )


def test_phones_and_devices_come_back_as_they_were(tmp_path: Path) -> None:
    phone = make_phone()
    device = make_device(phone)
    first = Store(tmp_path / "state.db")
    first.save_phone(phone)
    first.save_device(device)
    first.save_picture(DIGITS, b"picture")
    first.close()

    second = Store(tmp_path / "state.db")
    (loaded,) = second.phones()
    assert loaded.to_document() == phone.to_document()
    assert loaded.devices[1].to_document() == device.to_document()
    assert second.picture(DIGITS) == b"picture"
    second.close()


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "state.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ValueError, match="version 99"):
        Store(tmp_path / "state.db")


def test_a_prekey_is_handed_out_once(store: Store) -> None:
    store.add_prekeys(DIGITS, 1, [PublicPrekey(number, b"k" * 32) for number in (1, 2)])
    taken = [store.take_prekey(DIGITS, 1) for _ in range(3)]
    assert [prekey and prekey.id for prekey in taken] == [1, 2, None]
    assert store.count_prekeys(DIGITS, 1) == 0


def add(store: Store, key: str, body: bytes = b"body") -> None:
    store.add_pending(DIGITS, 1, tag="message", key=key, body=body)


def test_stanzas_wait_in_order_until_they_are_settled(store: Store) -> None:
    for key in ("a", "b", "c"):
        add(store, key, key.encode())
    store.settle(DIGITS, 1, "b")
    assert [stanza.body for stanza in store.pending(DIGITS, 1)] == [b"a", b"c"]
    assert store.count_pending(DIGITS, 1) == 2
    assert store.count_pending(DIGITS, 2) == 0


def test_an_ack_for_the_first_copy_does_not_drop_the_second(store: Store) -> None:
    add(store, "a", b"unreadable")
    add(store, "a", b"readable")
    store.settle_copy(DIGITS, 1, "a")
    assert [stanza.body for stanza in store.pending(DIGITS, 1)] == [b"readable"]
    store.settle_copy(DIGITS, 1, "a")
    assert store.pending(DIGITS, 1) == []


def test_a_removed_device_leaves_nothing_behind(store: Store) -> None:
    phone = make_phone()
    store.save_phone(phone)
    store.save_device(make_device(phone))
    store.add_prekeys(DIGITS, 1, [PublicPrekey(1, b"k" * 32)])
    add(store, "a")
    store.delete_device(DIGITS, 1)
    assert store.phones()[0].devices == {}
    assert (store.count_prekeys(DIGITS, 1), store.count_pending(DIGITS, 1)) == (0, 0)


def test_an_inbox_is_read_by_cursor(store: Store) -> None:
    for number in range(3):
        store.add_inbox(DIGITS, f"id{number}", {"text": str(number)})
    first, *others = store.inbox(DIGITS, after=0, limit=10)
    assert [entry["text"] for entry in others] == ["1", "2"]
    assert store.inbox(DIGITS, after=first["id"], limit=10) == others
    assert store.inbox(DIGITS, after=0, limit=1) == [first]
    assert store.inbox_message(DIGITS, "id2") == {"text": "2"}


def test_a_store_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path)) as old, old:
        old.execute("CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL)")
        old.execute("INSERT INTO secret VALUES ('kept', x'01')")
        old.execute("PRAGMA user_version = 1")
    upgraded = Store(path)
    upgraded.save_document("kind", "key", {"a": 1})
    assert (upgraded.secret("kept"), upgraded.document("kind", "key")) == (b"\x01", {"a": 1})
    upgraded.close()
    Store(path).close()
