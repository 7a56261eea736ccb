"""Groups in the sandbox network, with the unmodified neonize client."""

from __future__ import annotations

import base64

import pytest

from sandbox.client import SandboxError, SandboxNetwork
from tests.system.neonize_client import NeonizeClient
from tests.system.network_lab import (
    OURS,
    THEIRS,
    THIRD,
    api,
    digits,
    group,
    group_change,
    jid_of,
    lid_user,
    members,
    ours,
    sandbox,
    start,
    third,
)

__all__ = ["api", "group", "ours", "sandbox", "start", "third"]

pytestmark = pytest.mark.system

NOBODY = "+15559999999"
PICTURE = b"\xff\xd8\xff\xe0 not really a picture"


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
