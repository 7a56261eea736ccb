"""What phones know of messages."""

from __future__ import annotations

from dataclasses import replace

from sandbox.network.archive import Archive, Known
from sandbox.network.store import Store

FIRST = Known("3A", "1@lid", "2@lid", False, 100, b"one")


def test_a_message_is_known_to_the_phone_that_has_it(store: Store) -> None:
    archive = Archive(store)
    archive.save("1", FIRST)
    assert archive.find("1", "3A") == FIRST
    assert archive.find("2", "3A") is None


def test_the_first_of_an_id_stays_unless_it_is_replaced(store: Store) -> None:
    archive = Archive(store)
    other = replace(FIRST, body=b"two")
    archive.save("1", FIRST)
    archive.save("1", other)
    assert archive.find("1", "3A") == FIRST
    archive.save("1", other, replace=True)
    assert archive.find("1", "3A") == other


def test_older_messages_of_a_chat_come_newest_first(store: Store) -> None:
    archive = Archive(store)
    for index, (timestamp, chat) in enumerate(
        [(100, "1@lid"), (101, "1@lid"), (101, "1@lid"), (101, "x@lid"), (102, "1@lid")]
    ):
        archive.save("1", replace(FIRST, wa_id=str(index), chat=chat, timestamp=timestamp))
    older = archive.older("1", "1@lid", 102, 2)
    assert [known.wa_id for known in older] == ["2", "1"]


def test_an_unusual_manner_of_sending_is_remembered(store: Store) -> None:
    archive = Archive(store)
    archive.save_manner("1", "3A", "forever")
    assert (archive.manner("1", "3A"), archive.manner("1", "3B")) == ("forever", "")
