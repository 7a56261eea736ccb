"""What is said in groups of the sandbox network, with the unmodified neonize client."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from sandbox.client import SandboxError, SandboxNetwork
from tests.system.neonize_client import NeonizeClient
from tests.system.network_lab import (
    OURS,
    THEIRS,
    THIRD,
    Start,
    api,
    device_of,
    eventually,
    group,
    group_change,
    jid_of,
    lid_user,
    linked,
    ours,
    said,
    sandbox,
    start,
    text_of,
    third,
)
from tests.system.sandbox_process import SandboxProcess

__all__ = ["api", "group", "ours", "sandbox", "start", "third"]

pytestmark = pytest.mark.system


def test_messages_travel_between_two_clients_and_phones(
    api: SandboxNetwork, ours: NeonizeClient, start: Start, group: str
) -> None:
    theirs = linked(api, start("theirs"), THEIRS)
    wa_id = ours.call("send", to=group, text="hello all")
    message = theirs.wait("Message", lambda event: bool(text_of(event)))
    assert text_of(message) == "hello all"
    source = message["data"]["Info"]["MessageSource"]
    assert jid_of(source["Chat"]) == group
    assert (source["IsGroup"], source["Sender"]["User"]) == (True, lid_user(api, OURS))
    for number in (OURS, THEIRS, THIRD):
        (entry,) = eventually(lambda number=number: api.inbox(number))
        assert (entry["text"], entry["group"], entry["wa_id"]) == ("hello all", group, wa_id)
        assert entry["from_me"] == (number == OURS)
    readers = {
        ours.wait("Receipt")["data"]["MessageSource"]["Sender"]["User"],
        ours.wait("Receipt")["data"]["MessageSource"]["Sender"]["User"],
    }
    assert readers <= {lid_user(api, THEIRS), lid_user(api, THIRD)}

    theirs.call("send", to=group, text="hello you")
    assert said(ours) == "hello you"
    ours.call("send", to=group, text="and again")
    assert said(theirs) == "and again"
    eventually(lambda: [one["text"] for one in api.inbox(THIRD)][1:] == ["hello you", "and again"])


def test_a_phone_writes_and_hears_who_has_read_it(
    api: SandboxNetwork, ours: NeonizeClient, group: str
) -> None:
    (_, second) = api.send(
        THIRD, {"group": group, "type": "text", "text": "number {n}", "count": 2}
    )["ids"]
    message = ours.wait("Message", lambda event: bool(text_of(event)))
    assert text_of(message) == "number 0"
    assert message["data"]["Info"]["Pushname"] == "Third"
    assert said(ours) == "number 1"
    assert [one["text"] for one in api.inbox(THEIRS)] == ["number 0", "number 1"]
    ours.call("group_read", group=group, sender=api.phone(THIRD)["lid"], wa_id=second)
    eventually(
        lambda: any(
            one["type"] == "read" and one["wa_id"] == second and one["from"] == OURS
            for one in api.receipts(THIRD)
        )
    )
    assert {one["group"] for one in api.receipts(THIRD)} == {group}
    eventually(lambda: device_of(api, OURS)["unacked"] == 0)
    answer = ours.call("send", to=group, text="answer")
    eventually(lambda: api.inbox(THIRD))
    api.read(THIRD, answer)
    read = ours.wait("Receipt", lambda event: event["data"].get("Type") == "READ")["data"]
    assert read["MessageSource"]["Sender"]["User"] == lid_user(api, THIRD)


def test_a_removed_member_gets_nothing_any_more(
    api: SandboxNetwork, ours: NeonizeClient, start: Start, group: str
) -> None:
    theirs = linked(api, start("theirs"), THEIRS)
    ours.call("send", to=group, text="for all")
    said(theirs)
    ours.call("group_participants", group=group, action="remove", people=[THEIRS])
    assert group_change(theirs, "Leave")["Leave"][0]["User"] == lid_user(api, THEIRS)
    ours.call("send", to=group, text="without them")
    api.send(THIRD, {"group": group, "type": "text", "text": "by phone"})
    assert said(ours) == "by phone"
    eventually(lambda: len(api.inbox(THIRD)) == 2)
    assert [one["text"] for one in api.inbox(THEIRS)] == ["for all"]
    with pytest.raises(RuntimeError, match=r"403|not participating"):
        theirs.call("send", to=group, text="let me in")
    heard = [text_of(event) for event in theirs.events if event["event"] == "Message"]
    assert [text for text in heard if text] == ["for all"]


def test_only_admins_write_in_an_announcement_group(
    api: SandboxNetwork, ours: NeonizeClient, third: str
) -> None:
    made = api.create_group(THEIRS, "News", [OURS, third])
    api.change_group(made["jid"], THEIRS, announce=True)
    with pytest.raises(RuntimeError, match="403"):
        ours.call("send", to=made["jid"], text="me too")
    with pytest.raises(SandboxError) as refused:
        api.send(third, {"group": made["jid"], "type": "text", "text": "me too"})
    assert refused.value.code == "group_forbidden"
    api.send(THEIRS, {"group": made["jid"], "type": "text", "text": "the news"})
    assert said(ours) == "the news"


def test_a_group_message_that_cannot_be_read_is_sent_again_by_a_phone(
    api: SandboxNetwork, ours: NeonizeClient, tmp_path: Path, start: Start, group: str
) -> None:
    api.send(THIRD, {"group": group, "type": "text", "text": "shares the key"})
    said(ours)
    eventually(lambda: device_of(api, OURS)["unacked"] == 0)
    ours.kill()
    _forget(tmp_path / "ours.db")
    again = start()
    again.wait("Connected")
    api.send(THIRD, {"group": group, "type": "text", "text": "with a forgotten key"})
    assert said(again) == "with a forgotten key"
    eventually(lambda: device_of(api, OURS)["unacked"] == 0)


def test_a_group_message_that_cannot_be_read_is_sent_again_by_a_client(
    api: SandboxNetwork, ours: NeonizeClient, tmp_path: Path, start: Start, group: str
) -> None:
    theirs = linked(api, start("theirs"), THEIRS)
    ours.call("send", to=group, text="makes sessions")
    said(theirs)
    eventually(lambda: device_of(api, THEIRS)["unacked"] == 0)
    theirs.kill()
    _forget(tmp_path / "theirs.db")
    ours.call("send", to=group, text="for who has forgotten")
    again = start("theirs")
    assert said(again) == "for who has forgotten"


def _forget(database: Path) -> None:
    """Delete the sessions and sender keys of a client that is not running."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM whatsmeow_sender_keys")
        connection.execute("DELETE FROM whatsmeow_sessions")


def test_a_device_linked_later_reads_along_in_a_group(
    api: SandboxNetwork, ours: NeonizeClient, start: Start, group: str
) -> None:
    ours.call("send", to=group, text="caches the devices")
    theirs = linked(api, start("theirs"), THEIRS)
    ours.call("send", to=group, text="for the new one too")
    assert said(theirs) == "for the new one too"


def test_who_types_in_a_group_is_shown(
    api: SandboxNetwork, ours: NeonizeClient, group: str
) -> None:
    api.announce_presence(THEIRS, "composing", group)
    source = ours.wait("ChatPresence")["data"]["MessageSource"]
    assert jid_of(source["Chat"]) == group
    assert source["Sender"]["User"] == lid_user(api, THEIRS)
    ours.call("typing", to=group)
    eventually(lambda: [one["from"] for one in api.presence(THIRD)] == [THEIRS, OURS])


def test_groups_survive_a_restart_of_the_network(
    sandbox: SandboxProcess, api: SandboxNetwork, ours: NeonizeClient, group: str
) -> None:
    ours.call("send", to=group, text="before")
    api.send(THIRD, {"group": group, "type": "text", "text": "shares a key"})
    said(ours)
    assert sandbox.stop() == 0
    ours.kill()
    sandbox.start()
    with sandbox.api() as restarted:
        again = NeonizeClient(sandbox.network, sandbox.directory.parent / "ours.db")
        with again:
            again.wait("Connected")
            again.call("send", to=group, text="after")
            eventually(lambda: restarted.inbox(THIRD)[-1]["text"] == "after")
            restarted.send(THIRD, {"group": group, "type": "text", "text": "key kept"})
            assert said(again) == "key kept"
        assert restarted.group(group)["subject"] == "Friends"
