"""Members of groups are listed by both of their names: what we know under one learns the other."""

from __future__ import annotations

import dataclasses

import pytest

from messaging import chats, groups
from messaging.models import Chat, Contact, Message
from sessions_mgr.engines import base
from tests.life import connected_account
from tests.said import ANN, BOB, GROUP, NOON, hear, message, receipt, told

pytestmark = pytest.mark.django_db

HIDDEN = base.Party(ANN.lid, ANN.lid, "", "Ann")
BY_NUMBER = base.Party(ANN.jid, "", ANN.phone_number, "Ann")


@pytest.fixture
def account():
    return connected_account()


def listed(*parties):
    participants = [
        {"party": dataclasses.asdict(party), "admin": False, "superadmin": False}
        for party in parties
    ]
    return {"jid": GROUP.jid, "subject": "Lunch", "participants": participants}


LISTS = {
    "joined": lambda account, *parties: hear(
        account, base.GroupJoined(GROUP, NOON, "Lunch", list(parties))
    ),
    "asked for": lambda account, *parties: groups.described(account, listed(*parties)),
    "among all": lambda account, *parties: groups.describe_all(account, [listed(*parties)]),
}


@pytest.mark.parametrize("way", LISTS)
@pytest.mark.parametrize("met", [HIDDEN, BY_NUMBER], ids=["by LID", "by number"])
def test_a_person_whom_we_know_by_one_name_gets_the_other(account, way, met):
    hear(account, message(chat=met, sender=met))

    LISTS[way](account, ANN, BOB)

    person = Contact.objects.get(lid=ANN.lid)
    assert (person.jid, person.phone_number) == (ANN.jid, ANN.phone_number)
    assert [(chat.jid, chat.lid) for chat in Chat.objects.filter(type="user")] == [
        (ANN.jid, ANN.lid)
    ]
    [data] = told(account, "contact.updated")
    assert data["contact"]["jid"] == ANN.jid and "lid" in data["changed"]


@pytest.mark.parametrize("way", LISTS)
def test_two_rows_that_are_one_person_become_one(account, way):
    hear(account, message("A", chat=HIDDEN, sender=HIDDEN))
    hear(account, message("B", chat=BY_NUMBER, sender=BY_NUMBER))
    assert Contact.objects.count() == Chat.objects.count() == 2

    LISTS[way](account, ANN)

    assert Contact.objects.count() == 1
    chat = Chat.objects.get(type="user")
    assert set(chat.messages.values_list("wa_id", flat=True)) == {"A", "B"}
    assert Message.objects.filter(sender_contact__isnull=True).count() == 0


def test_members_of_one_group_become_known_and_those_of_all_groups_do_not(account):
    groups.describe_all(account, [listed(ANN, BOB)])
    assert not Contact.objects.exists()

    groups.described(account, listed(ANN, BOB))
    assert set(Contact.objects.values_list("jid", "lid")) == {
        (ANN.jid, ANN.lid),
        (BOB.jid, BOB.lid),
    }
    assert not Chat.objects.filter(type="user").exists()
    assert told(account, "contact.updated") == []


def test_a_receipt_by_lid_names_the_number_of_a_member(account):
    hear(account, base.GroupJoined(GROUP, NOON, "Lunch", [ANN]))
    hear(account, message("OURS", chat=GROUP, sender=base.Party(account.jid), from_me=True))

    hear(account, receipt("delivered", "OURS", chat=GROUP, sender=base.Party(ANN.lid, ANN.lid)))

    assert told(account, "message.ack")[-1]["sender"]["phone_number"] == ANN.phone_number


def test_a_number_that_somebody_else_holds_now_moves_over(account):
    hear(account, message(chat=ANN, sender=ANN))
    newcomer = base.Party(ANN.jid, "900077777@lid", ANN.phone_number)

    groups.described(account, listed(newcomer))

    assert Contact.objects.get(lid=ANN.lid).jid == ANN.lid
    assert Contact.objects.get(lid=newcomer.lid).jid == ANN.jid


def test_a_group_that_says_nothing_new_costs_no_query_per_member(
    account, django_assert_max_num_queries
):
    many = [
        base.Party(f"1555{n:07}@s.whatsapp.net", f"9{n:07}@lid", f"+1555{n:07}") for n in range(300)
    ]
    groups.described(account, listed(*many))
    assert Contact.objects.count() == 300

    with django_assert_max_num_queries(14):
        shown = groups.described(account, listed(*many))

    assert len(shown["participants"]) == 300


def test_members_by_one_name_teach_nothing(account):
    chats.of(account, HIDDEN)

    groups.described(account, listed(HIDDEN, base.Party(BOB.jid)))

    assert Chat.objects.get(type="user").jid == ANN.lid
    assert not Contact.objects.exists()
