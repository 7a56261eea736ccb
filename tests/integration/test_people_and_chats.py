"""Two names of one person become one row whenever it is learned, and messages follow."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import types
from messaging import chats, people
from messaging.models import Chat, Contact, Message, Reaction, Receipt
from sessions_mgr.engines.base import Party
from tests.factories import AccountFactory
from tests.life import connected_account
from tests.said import ANN, GROUP, NOON, US, hear, message, ours, reaction, receipt, told

pytestmark = pytest.mark.django_db

BY_NUMBER = Party(ANN.jid, "", "+15550009", "Ann")
BY_LID = Party(ANN.lid, ANN.lid)
BOTH = ANN


@pytest.fixture
def account():
    return connected_account()


@pytest.mark.parametrize("order", list(itertools.permutations([BY_NUMBER, BY_LID, BOTH])))
def test_one_person_is_one_row_in_any_order(account, order):
    for number, party in enumerate(order):
        hear(account, message(str(number), chat=party, sender=party))

    contact, chat = Contact.objects.get(), Chat.objects.get()
    assert (contact.jid, contact.lid, contact.phone_number) == (ANN.jid, ANN.lid, "+15550009")
    assert (chat.jid, chat.lid, chat.unread) == (ANN.jid, ANN.lid, 3)
    assert Message.objects.filter(chat_row=chat, sender_contact=contact).count() == 3


def test_reactions_and_receipts_of_both_names_become_one(account):
    hear(account, ours(chat=GROUP))
    hear(
        account,
        reaction("👍", chat=GROUP, sender=BY_NUMBER),
        reaction("❤️", chat=GROUP, sender=BY_LID, wa_id="R2", timestamp=NOON + 2),
        receipt("delivered", chat=GROUP, sender=BY_NUMBER),
        receipt("read", chat=GROUP, sender=BY_LID, timestamp=NOON + 9),
    )
    assert Reaction.objects.count() == 2

    hear(account, message("2", chat=GROUP, sender=BOTH))

    assert Reaction.objects.get().emoji == "❤️"
    assert Receipt.objects.get().status == "read"


def test_what_an_event_shows_has_both_names_once_they_are_known(account):
    hear(account, message("1", chat=BOTH, sender=BOTH))
    hear(account, message("2", chat=BY_LID, sender=BY_LID), receipt("read", "9", sender=BY_LID))

    assert told(account, "message")[1]["sender"]["phone_number"] == "+15550009"
    assert told(account, "message")[1]["chat"]["jid"] == ANN.jid
    assert told(account, "message.ack")[0]["sender"]["jid"] == ANN.jid


def test_a_new_number_of_the_same_person_keeps_the_conversation(account):
    moved = Party("15550077@s.whatsapp.net", ANN.lid, "+15550077", "Ann")
    hear(account, message("1"), message("2", chat=moved, sender=moved))

    assert Contact.objects.get().phone_number == "+15550077"
    assert Chat.objects.get().jid == moved.jid


def test_a_number_that_somebody_else_holds_now_is_another_person(account):
    heir = Party(ANN.jid, "900077777@lid", "+15550009", "Heir")
    hear(account, message("1"), message("2", chat=heir, sender=heir))

    before = Contact.objects.get(lid=ANN.lid)
    assert (before.jid, before.phone_number) == (ANN.lid, "")
    assert Contact.objects.get(lid="900077777@lid").jid == ANN.jid
    assert Chat.objects.count() == 2


def test_the_device_is_no_part_of_a_name(account):
    device = Party("15550009:12@s.whatsapp.net", "900055511:12@lid", "+15550009", "Ann")
    hear(account, message("1"), message("2", chat=device, sender=device))

    assert Contact.objects.count() == 1


def test_a_group_is_a_chat_and_no_person(account):
    assert people.of(account, GROUP) is None
    assert chats.of(account, GROUP).type == "group"


def test_an_address_book_is_learned_in_few_queries(account, django_assert_max_num_queries):
    crowd = [Party(f"1444{n:07d}@s.whatsapp.net", f"77{n:07d}@lid") for n in range(2000)]
    names = {party.jid: {"full": f"Person {n}"} for n, party in enumerate(crowd)}

    with django_assert_max_num_queries(80):
        assert people.learn_all(account, crowd, names) == []

    assert Contact.objects.filter(full_name__startswith="Person").count() == 2000


def test_the_same_address_book_again_changes_nothing(account):
    book = {ANN.jid: {"full": "Ann Smith", "business": ""}}
    people.learn_all(account, [ANN], book)

    assert people.learn_all(account, [ANN], book) == []
    [(person, changed)] = people.learn_all(account, [ANN], {ANN.jid: {"full": "Ann Jones"}})
    assert (person.full_name, changed) == ("Ann Jones", ["full_name"])


@pytest.mark.parametrize("text", [ANN.jid, ANN.lid, "+15550009"])
def test_a_chat_is_found_by_every_name(account, text):
    chat = chats.of(account, ANN)

    assert chats.by_address(account, text) == chat


@pytest.mark.parametrize("text", ["", "nobody", "@", "+", "'; drop table", "1@2@3"])
def test_what_is_no_address_finds_nothing(account, text):
    assert chats.by_address(account, text) is None


PARTIES = st.sampled_from(
    [
        Party("1@s.whatsapp.net"),
        Party("2@s.whatsapp.net"),
        Party("1@s.whatsapp.net", "11@lid"),
        Party("2@s.whatsapp.net", "11@lid"),
        Party("1@s.whatsapp.net", "22@lid"),
        Party("2@s.whatsapp.net", "22@lid"),
        Party("11@lid", "11@lid"),
        Party("22@lid"),
    ]
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(PARTIES, st.booleans()), max_size=12))
def test_whatever_is_said_names_stay_unique_and_every_message_keeps_its_place(parties):
    account = AccountFactory()
    rows = []
    for party, trusted in parties:
        person = people.of(account, party, trusted=trusted)
        chat = chats.of(account, party, trusted=trusted)
        rows.append(
            Message.objects.create(
                account=account,
                direction="in",
                chat={},
                sender={},
                type="text",
                timestamp="2026-01-01T00:00:00Z",
                chat_row=chat,
                sender_contact=person,
            )
        )
        assert person is not None and chat is not None

    for model in (Contact, Chat):
        found = model.objects.filter(account=account)
        names = [name for row in found for name in {row.jid, row.lid} - {""}]
        assert len(names) == len(set(names))
    placed = Message.objects.filter(account=account)
    assert placed.exclude(chat_row=None).exclude(sender_contact=None).count() == len(rows)


def test_our_own_number_has_both_names_although_our_phone_says_its_lid_only(account):
    by_lid = Party(US.lid, US.lid, push_name="Demo")
    hear(
        account,
        message("1", from_me=True, sender=by_lid),
        reaction(sender=by_lid, from_me=True, target_wa_id="1"),
        receipt("read", "9", sender=by_lid),
        message("2", from_me=True, sender=by_lid, chat=by_lid),
    )

    both = {"jid": US.jid, "lid": US.lid, "phone_number": US.phone_number, "push_name": "Demo"}
    for kind in (types.MESSAGE, types.MESSAGE_REACTION, types.MESSAGE_ACK):
        senders = [event["sender"] for event in told(account, kind)]
        assert senders and all(sender == both for sender in senders)
    assert Chat.objects.get(jid=US.jid).lid == US.lid
    assert Contact.objects.get(lid=US.lid).phone_number == US.phone_number
