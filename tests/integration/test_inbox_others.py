"""Groups, calls, names, chats, restrictions and what crashes took: one event each, once stored."""

from __future__ import annotations

from datetime import datetime

import pytest

from messaging.models import Chat, Contact
from sessions_mgr.engines import base
from tests.life import connected_account
from tests.said import ANN, BOB, GROUP, NOON, hear, message, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return connected_account()


def test_a_group_that_we_joined_is_a_chat_with_its_name(account):
    hear(account, base.GroupJoined(GROUP, NOON, "Lunch", [ANN, BOB], "invite"))

    [data] = told(account, "group.joined")
    assert (data["subject"], data["participant_count"]) == ("Lunch", 2)
    assert [p["phone_number"] for p in data["participants"]] == ["+15550009", "+15550008"]
    assert Chat.objects.get().name == "Lunch"


def test_members_of_a_group_are_named_by_number_where_it_is_known(account):
    hidden = base.Party(BOB.lid, BOB.lid, BOB.phone_number)
    hear(account, base.GroupJoined(GROUP, NOON, "Lunch", [hidden], "invite"))

    [member] = told(account, "group.joined")[0]["participants"]
    assert (member["jid"], member["lid"]) == (BOB.jid, BOB.lid)


def test_members_and_settings_of_a_group_are_two_events(account):
    hear(
        account,
        base.GroupChanged(
            GROUP, ANN, NOON, joined=[BOB], promoted=[ANN], settings={"subject": "Dinner"}
        ),
    )

    [members], [settings] = told(account, "group.participants"), told(account, "group.updated")
    assert [p["jid"] for p in members["joined"]] == [BOB.jid]
    assert (members["left"], members["sender"]["jid"]) == ([], ANN.jid)
    assert settings["settings"] == {"subject": "Dinner"}
    assert Chat.objects.get().name == "Dinner"


def test_a_change_whose_author_whatsapp_does_not_name(account):
    hear(account, base.GroupChanged(GROUP, base.Party(""), NOON, left=[BOB]))

    assert told(account, "group.participants")[0]["sender"] is None
    assert told(account, "group.updated") == []


def test_a_call(account):
    hear(account, base.CallOffered("C1", ANN, ANN, NOON, video=True))

    [data] = told(account, "call.offer")
    assert (data["call_id"], data["video"], data["sender"]["lid"]) == ("C1", True, ANN.lid)


def test_names_of_the_address_book_are_told_for_people_who_were_known_otherwise(account):
    hear(account, message())
    names = {ANN.jid: {"full": "Ann Smith"}, BOB.jid: {"full": "Bob Jones"}}
    hear(account, base.ContactSeen([ANN, BOB], names), base.ContactSeen([ANN, BOB], names))

    [data] = told(account, "contact.updated")
    assert (data["contact"]["full_name"], data["changed"]) == ("Ann Smith", ["full_name"])
    assert Contact.objects.get(jid=BOB.jid).full_name == "Bob Jones"


def test_another_picture(account):
    hear(account, base.PictureChanged(ANN, NOON, "77"), base.PictureChanged(ANN, NOON, ""))

    assert [d["picture_id"] for d in told(account, "contact.updated")] == ["77", None]


def test_chats_of_the_phone_are_there_before_anything_is_said(account):
    known = {"jid": ANN.jid, "lid": ANN.lid, "name": "Ann", "unread": 4, "archived": True}
    group = {"jid": GROUP.jid, "lid": "", "name": "Lunch", "unread": 0, "muted_until": -1}
    hear(account, base.ChatsSynced([known, group, {}, {"jid": 5, "unread": "x"}]))

    chat = Chat.objects.get(jid=ANN.jid)
    assert (chat.name, chat.unread, chat.archived, chat.type) == ("Ann", 4, True, "user")
    assert Chat.objects.get(jid=GROUP.jid).muted_until.year == 9999
    assert Chat.objects.get(jid=GROUP.jid).type == "group"


def test_what_the_phone_says_of_chats_does_not_undo_what_happened_since(account):
    hear(account, message(), base.GroupJoined(GROUP, NOON, "New name"))

    hear(
        account,
        base.ChatsSynced([{"jid": ANN.jid, "unread": 0}, {"jid": GROUP.jid, "name": "Old name"}]),
    )

    assert Chat.objects.get(jid=ANN.jid).unread == 1
    assert Chat.objects.get(jid=GROUP.jid).name == "New name"


def test_a_restriction_is_kept_and_told_once(account):
    until = datetime(2030, 1, 1).timestamp()
    for _ in range(3):
        hear(account, base.Restricted("reachout_timelock", until, "463"))

    account.refresh_from_db()
    [kept] = account.restrictions
    assert (kept["kind"], kept["until"][:4]) == ("reachout_timelock", "2030")
    assert len(told(account, "account.restricted")) == 1


def test_a_longer_restriction_replaces_the_shorter_one(account):
    for year in (2030, 2031):
        until = datetime(year, 1, 2).timestamp()
        hear(account, base.Restricted("reachout_timelock", until))

    account.refresh_from_db()
    assert [r["until"][:4] for r in account.restrictions] == ["2031"]
    assert len(told(account, "account.restricted")) == 2


def test_a_killed_workers_gap_is_told(account):
    hear(account, base.LifeCutShort(NOON))

    [data] = told(account, "message.gap")
    assert (data["wa_id"], data["detail"]) == (None, "worker_killed")


def test_presence_is_told_and_leaves_nothing(account):
    hear(account, base.PresenceSeen(ANN, ANN, "typing"))

    assert told(account, "chat.presence")[0]["state"] == "typing"
    assert not Contact.objects.exists()
    assert not Chat.objects.exists()


def test_an_answer_to_an_order_that_is_none_of_ours_is_no_harm(account):
    hear(account, base.SendSettled("no-uuid", NOON, wa_id="3A"))
