"""Groups and people in the sandbox network, with the unmodified neonize client."""

from __future__ import annotations

import base64
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import SandboxError, SandboxNetwork
from tests.system.neonize_client import NeonizeClient
from tests.system.sandbox_process import SandboxProcess
from tests.system.test_sandbox_network import (
    OURS,
    THEIRS,
    Start,
    api,
    device_of,
    eventually,
    linked,
    ours,
    sandbox,
    start,
    text_of,
)

__all__ = ["api", "ours", "sandbox", "start"]

pytestmark = pytest.mark.system

THIRD = "+15550003003"
NOBODY = "+15559999999"
PICTURE = b"\xff\xd8\xff\xe0 not really a picture"


@pytest.fixture
def third(api: SandboxNetwork) -> str:
    api.create_phone(THIRD, "Third")
    return THIRD


@pytest.fixture
def group(api: SandboxNetwork, ours: NeonizeClient, third: str) -> str:
    """A group of three that our client has made."""
    created = ours.call("group_create", name="Friends", people=[THEIRS, third])
    ours.wait("JoinedGroup")
    return jid_of(created["JID"])


def jid_of(jid: dict[str, Any]) -> str:
    return f"{jid['User']}@{jid['Server']}"


def lid_user(api: SandboxNetwork, number: str) -> str:
    return str(api.phone(number)["lid"]).partition("@")[0]


def members(info: dict[str, Any]) -> set[str]:
    return {one["PhoneNumber"]["User"] for one in info["Participants"]}


def digits(*numbers: str) -> set[str]:
    return {number.removeprefix("+") for number in numbers}


def said(client: NeonizeClient) -> str:
    """The next text. A sender key that comes with a group message is a message event too."""
    return text_of(client.wait("Message", lambda event: bool(text_of(event))))


def group_change(client: NeonizeClient, member: str) -> dict[str, Any]:
    return client.wait("GroupInfoEvent", lambda event: member in event["data"])["data"]


# --- making, reading, listing


def test_a_group_is_made_read_and_listed(
    api: SandboxNetwork, ours: NeonizeClient, group: str
) -> None:
    info = ours.call("group_info", group=group)
    assert members(info) == digits(OURS, THEIRS, THIRD)
    assert info["GroupName"]["Name"] == "Friends"
    assert info["OwnerJID"]["User"] == lid_user(api, OURS)
    assert [jid_of(one["JID"]) for one in ours.call("group_list")] == [group]
    (document,) = api.groups(THEIRS)
    assert (document["jid"], document["owner"]) == (group, OURS)


def test_people_who_do_not_exist_are_named_when_a_group_is_made(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    created = ours.call("group_create", name="Half", people=[THEIRS, NOBODY])
    failed = [one for one in created["Participants"] if one.get("Error")]
    assert [(one["JID"]["User"], one["Error"]) for one in failed] == [("15559999999", 404)]
    assert len(api.group(jid_of(created["JID"]))["participants"]) == 2


def test_a_client_hears_that_it_was_added(api: SandboxNetwork, ours: NeonizeClient) -> None:
    made = api.create_group(THEIRS, "Made by a phone", [OURS, NOBODY])
    assert made["refused"] == [{"phone_number": NOBODY, "code": 404}]
    joined = ours.wait("JoinedGroup")["data"]
    assert joined["GroupInfo"]["GroupName"]["Name"] == "Made by a phone"


def test_a_stranger_may_not_read_a_group(
    api: SandboxNetwork, ours: NeonizeClient, third: str
) -> None:
    made = api.create_group(THEIRS, "Without us", [third])
    with pytest.raises(RuntimeError, match=r"not participating|403"):
        ours.call("group_info", group=made["jid"])
    with pytest.raises(RuntimeError, match=r"does not exist|404"):
        ours.call("group_info", group="120363000000000000@g.us")


# --- participants


def test_each_change_of_members_is_answered_and_told(
    api: SandboxNetwork, ours: NeonizeClient, group: str
) -> None:
    lid = lid_user(api, THIRD)
    (promoted,) = ours.call("group_participants", group=group, action="promote", people=[THIRD])
    assert promoted.get("Error", 0) == 0
    assert group_change(ours, "Promote")["Promote"][0]["User"] == lid
    ours.call("group_participants", group=group, action="demote", people=[THIRD])
    assert group_change(ours, "Demote")["Demote"][0]["User"] == lid
    ours.call("group_participants", group=group, action="remove", people=[THIRD])
    assert group_change(ours, "Leave")["Leave"][0]["User"] == lid
    assert members(ours.call("group_info", group=group)) == digits(OURS, THEIRS)
    ours.call("group_participants", group=group, action="add", people=[THIRD])
    assert group_change(ours, "Join")["Join"][0]["User"] == lid
    assert members(ours.call("group_info", group=group)) == digits(OURS, THEIRS, THIRD)


def test_each_person_has_a_code_of_their_own(
    api: SandboxNetwork, ours: NeonizeClient, group: str
) -> None:
    added = ours.call("group_participants", group=group, action="add", people=[THEIRS, NOBODY])
    assert [one["Error"] for one in added] == [409, 404]
    removed = ours.call("group_participants", group=group, action="remove", people=[OURS, NOBODY])
    assert [one["Error"] for one in removed] == [406, 404]


def test_only_admins_may_remove(api: SandboxNetwork, ours: NeonizeClient, third: str) -> None:
    made = api.create_group(THEIRS, "Theirs", [OURS, third])
    with pytest.raises(RuntimeError, match="403"):
        ours.call("group_participants", group=made["jid"], action="remove", people=[third])
    with pytest.raises(SandboxError) as refused:
        api.change_participants(made["jid"], third, "remove", [OURS])
    assert (refused.value.status, refused.value.code) == (403, "group_forbidden")


# --- what is set


def test_subject_description_and_settings_change_on_both_sides(
    api: SandboxNetwork, ours: NeonizeClient, group: str
) -> None:
    ours.call("group_name", group=group, name="Renamed")
    assert group_change(ours, "Name")["Name"]["Name"] == "Renamed"
    ours.call("group_topic", group=group, topic="About us")
    assert group_change(ours, "Topic")["Topic"]["Topic"] == "About us"
    ours.call("group_announce", group=group, on=True)
    assert group_change(ours, "Announce")["Announce"]["IsAnnounce"]
    ours.call("group_locked", group=group, on=True)
    assert group_change(ours, "Locked")["Locked"]["isLocked"]
    info = ours.call("group_info", group=group)
    assert info["GroupTopic"]["Topic"] == "About us"
    document = api.group(group)
    assert (document["subject"], document["description"]) == ("Renamed", "About us")
    assert (document["announce"], document["locked"]) == (True, True)
    ours.call("group_topic", group=group, topic="")
    ours.call("group_topic", group=group, topic="Again")
    assert api.group(group)["description"] == "Again"


def test_a_phone_changes_what_a_client_sees(
    api: SandboxNetwork, ours: NeonizeClient, group: str
) -> None:
    api.change_participants(group, OURS, "promote", [THEIRS])
    api.change_group(group, THEIRS, subject="By phone", locked=True, expiration=86_400)
    changed = group_change(ours, "Name")
    assert changed["Name"]["Name"] == "By phone"
    assert changed["Sender"]["User"] == lid_user(api, THEIRS)
    assert group_change(ours, "Ephemeral")["Ephemeral"]["DisappearingTimer"] == 86_400


def test_a_picture_belongs_to_a_group(api: SandboxNetwork, ours: NeonizeClient, group: str) -> None:
    api.set_group_picture(group, OURS, base64.b64encode(PICTURE).decode())
    changed = ours.wait("Picture")["data"]
    assert jid_of(changed["JID"]) == group
    assert ours.call("picture", of=group)["ID"] == api.group(group)["picture_id"]
    changed_id = ours.call("group_photo", group=group, data=PICTURE.hex())
    assert changed_id == api.group(group)["picture_id"]
    assert jid_of(ours.wait("Picture")["data"]["JID"]) == group


# --- invitations


def test_links_lead_into_a_group_until_they_are_revoked(
    api: SandboxNetwork, ours: NeonizeClient, third: str
) -> None:
    made = api.create_group(THEIRS, "By link")
    link = api.group_invite(made["jid"], THEIRS)["link"]
    assert ours.call("group_from_link", link=link)["GroupName"]["Name"] == "By link"
    assert jid_of(ours.call("group_join", link=link)) == made["jid"]
    assert ours.wait("JoinedGroup")["data"]["Reason"] == "invite"
    with pytest.raises(RuntimeError, match=r"401|permission"):
        ours.call("group_link", group=made["jid"], reset=False)
    api.change_participants(made["jid"], THEIRS, "promote", [OURS])
    assert ours.call("group_link", group=made["jid"], reset=False) == link
    fresh = ours.call("group_link", group=made["jid"], reset=True)
    assert fresh != link
    with pytest.raises(SandboxError) as gone:
        api.join_group(third, link)
    assert (gone.value.status, gone.value.code) == (410, "invite_revoked")
    assert api.join_group(third, fresh) == {"jid": made["jid"], "waits_for_approval": False}
    assert group_change(ours, "Join")["Join"][0]["User"] == lid_user(api, third)


def test_who_asks_to_join_waits_for_an_admin(
    api: SandboxNetwork, ours: NeonizeClient, third: str
) -> None:
    made = api.create_group(THEIRS, "Closed")
    api.change_group(made["jid"], THEIRS, approval=True)
    link = api.group_invite(made["jid"], THEIRS)["link"]
    ours.call("group_join", link=link)
    assert [one["phone_number"] for one in api.group(made["jid"])["requests"]] == [OURS]
    assert api.decide_requests(made["jid"], THEIRS, "approve", [OURS, third]) == [
        {"phone_number": OURS, "code": 200},
        {"phone_number": third, "code": 404},
    ]
    ours.wait("JoinedGroup")
    api.change_participants(made["jid"], THEIRS, "promote", [OURS])
    assert api.join_group(third, link)["waits_for_approval"]
    (asking,) = ours.call("group_requests", group=made["jid"])
    assert asking["Participant"]["User"] == lid_user(api, third)
    api.decide_requests(made["jid"], OURS, "reject", [third])
    assert len(api.group(made["jid"])["participants"]) == 2


def test_who_leaves_is_out_and_somebody_else_becomes_admin(
    api: SandboxNetwork, ours: NeonizeClient, group: str
) -> None:
    ours.call("group_leave", group=group)
    ranks = {one["phone_number"]: one["rank"] for one in api.group(group)["participants"]}
    assert ranks == {THEIRS: "admin", THIRD: "member"}
    assert ours.call("group_list") == []


# --- messages


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


# --- people


def test_numbers_are_checked(api: SandboxNetwork, ours: NeonizeClient) -> None:
    (found,) = ours.call("on_whatsapp", phone=THEIRS)
    assert found["IsIn"]
    assert found["JID"]["User"] == lid_user(api, THEIRS)
    (missing,) = ours.call("on_whatsapp", phone=NOBODY)
    assert not missing["IsIn"]


def test_a_client_knows_its_push_name_and_may_say_that_it_is_there(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    eventually(lambda: ours.call("me").get("PushName") == "Ours")
    ours.call("available")
    eventually(lambda: device_of(api, OURS)["available"])
    api.set_name(OURS, "Renamed")
    eventually(lambda: ours.call("me").get("PushName") == "Renamed")
    ours.call("set_name", name="By the client")
    eventually(lambda: api.phone(OURS)["name"] == "By the client")


def test_a_client_gets_the_names_of_the_address_book(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    eventually(lambda: ours.call("me").get("PushName") == "Ours")
    api.set_contacts(
        OURS, [{"phone_number": THEIRS, "full_name": "Their Name", "first_name": "Their"}]
    )
    eventually(lambda: ours.call("contact", of=THEIRS).get("FullName") == "Their Name")
    api.set_contacts(OURS, [{"phone_number": THEIRS, "full_name": "Another"}])
    eventually(lambda: ours.call("contact", of=THEIRS).get("FullName") == "Another")
    assert api.set_contacts(OURS, []) == []


def test_a_new_client_gets_the_address_book_at_once(api: SandboxNetwork, start: Start) -> None:
    api.set_contacts(OURS, [{"phone_number": THEIRS, "full_name": "Their Name"}])
    client = linked(api, start(), OURS)
    eventually(lambda: client.call("contact", of=THEIRS).get("FullName") == "Their Name")


def test_a_client_that_has_lost_its_keys_gets_them_again(
    api: SandboxNetwork, ours: NeonizeClient, tmp_path: Path, start: Start
) -> None:
    eventually(lambda: ours.call("me").get("PushName") == "Ours")
    eventually(lambda: device_of(api, OURS)["unacked"] == 0)
    ours.kill()
    with contextlib.closing(sqlite3.connect(tmp_path / "ours.db")) as connection, connection:
        connection.execute("DELETE FROM whatsmeow_app_state_sync_keys")
    api.set_name(OURS, "Unreadable at first")
    again = start()
    again.wait("PeerMessage")
    eventually(lambda: again.call("me").get("PushName") == "Unreadable at first")


def test_a_call_rings_and_is_rejected(api: SandboxNetwork, ours: NeonizeClient) -> None:
    made = api.call(THEIRS, OURS, video=True)
    offer = ours.wait("CallOffer")["data"]
    meta = offer["basicCallMeta"]
    assert meta["callID"] == made["id"]
    assert meta["callCreator"]["User"] == lid_user(api, THEIRS)
    ours.call("reject_call", caller=jid_of(meta["callCreator"]), call_id=made["id"])
    eventually(lambda: api.calls(OURS)[0]["state"] == "rejected")


def test_a_call_ends_when_nobody_answers(api: SandboxNetwork, ours: NeonizeClient) -> None:
    api.call(THEIRS, OURS, ring_seconds=0.2)
    ours.wait("CallOffer")
    ended = ours.wait("CallTerminate")["data"]
    assert ended["reason"] == "timeout"
    made = api.call(THEIRS, OURS)
    api.hang_up(THEIRS, made["id"])
    ours.wait("CallTerminate")
    assert [one["state"] for one in api.calls(THEIRS)] == ["timeout", "hung_up"]


def test_people_are_blocked_and_unblocked(api: SandboxNetwork, ours: NeonizeClient) -> None:
    ours.call("send", to=THEIRS, text="makes the hidden id known")
    assert len(ours.call("block", person=THEIRS, action="block")["JIDs"]) == 1
    assert api.blocked(OURS) == [THEIRS]
    assert ours.call("blocked")["JIDs"][0]["User"] == lid_user(api, THEIRS)
    api.send_text(THEIRS, OURS, "reaches nobody")
    ours.call("block", person=THEIRS, action="unblock")
    assert api.blocked(OURS) == []
    api.send_text(THEIRS, OURS, "reaches us")
    assert said(ours) == "reaches us"
    assert [one["text"] for one in api.inbox(OURS) if not one["from_me"]] == ["reaches us"]


def test_a_phone_that_starts_anew_is_a_new_identity_to_others(
    api: SandboxNetwork, ours: NeonizeClient, start: Start
) -> None:
    theirs = linked(api, start("theirs"), THEIRS)
    ours.call("send", to=THEIRS, text="before")
    said(theirs)
    eventually(lambda: api.inbox(THEIRS))
    renewed = api.reinstall(THEIRS)
    assert len(renewed["unlinked"]) == 1
    theirs.wait("LoggedOut")
    assert ours.wait("IdentityChange")["data"]["JID"]["User"] in THEIRS
    ours.call("send", to=THEIRS, text="to the new phone")
    eventually(lambda: api.inbox(THEIRS)[-1]["text"] == "to the new phone")
    api.send_text(THEIRS, OURS, "from the new phone")
    assert said(ours) == "from the new phone"
