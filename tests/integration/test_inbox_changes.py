"""Receipts, reactions, votes, edits and revokes: in any order, once, and only by those who may."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from messaging.descriptions import describe, option_hash
from messaging.models import Chat, HeldFact, Message, PollVote, Reaction, Receipt
from sessions_mgr.engines import base
from tests.life import connected_account
from tests.said import (
    ANN,
    BOB,
    GROUP,
    NOON,
    US,
    edit,
    hear,
    message,
    ours,
    reaction,
    receipt,
    revoke,
    told,
    undecryptable,
    vote,
)

pytestmark = pytest.mark.django_db

IN_GROUP = {"chat": GROUP}


@pytest.fixture
def account():
    return connected_account()


def shown():
    return describe(Message.objects.whole().get(wa_id="3A01"))


# Receipts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(["delivered", "read", "played"])))
def test_receipts_move_our_message_forward_only(account, order):
    hear(account, ours(type="voice"), *[receipt(status) for status in order])

    assert Message.objects.get().status == "played"
    statuses = [ack["status"] for ack in told(account, "message.ack")]
    ranks = [["delivered", "read", "played"].index(status) for status in statuses]
    assert ranks == sorted(set(ranks))
    assert statuses[-1] == "played"


def test_the_same_receipt_again_tells_nothing(account):
    hear(account, ours(), receipt("read"), receipt("read"), receipt("delivered"))

    assert [ack["status"] for ack in told(account, "message.ack")] == ["read"]


def test_a_receipt_before_its_message_is_told_at_once_and_counts_later(account):
    hear(account, receipt("read"), receipt("read"))
    assert [ack["message_id"] for ack in told(account, "message.ack")] == [None]

    hear(account, ours())

    assert Message.objects.get().status == "read"
    assert told(account, "message")[0]["status"] == "read"
    assert not HeldFact.objects.exists()


def test_one_receipt_for_many_messages(account):
    hear(account, ours("1"), ours("2"), receipt("read", "1", "2", "3", "1"))

    assert [ack["wa_id"] for ack in told(account, "message.ack")] == ["1", "2", "3"]


def test_in_a_group_every_person_is_counted_once(account):
    sent = ours(**IN_GROUP)
    hear(
        account,
        sent,
        receipt("delivered", sender=ANN, **IN_GROUP),
        receipt("delivered", sender=BOB, **IN_GROUP),
        receipt("read", sender=BOB, **IN_GROUP),
        receipt("delivered", sender=BOB, **IN_GROUP),
    )

    assert shown()["receipts"] == {"delivered": 2, "read": 1, "played": 0}
    assert shown()["status"] == "read"
    assert len(told(account, "message.ack")) == 3


def test_our_own_other_device_having_it_is_no_delivery(account):
    hear(account, ours(), receipt("delivered", sender=US))

    assert Message.objects.get().status == "sent"


def test_read_on_the_phone_is_read_here(account):
    hear(
        account,
        message("1", timestamp=NOON),
        message("2", timestamp=NOON + 1),
        message("3", timestamp=NOON + 2),
    )
    assert Chat.objects.get().unread == 3

    hear(account, receipt("read", "2", sender=US))

    assert Chat.objects.get().unread == 1
    assert Message.objects.get(wa_id="2").status == "read"


def test_an_unknown_kind_of_receipt_changes_nothing(account):
    hear(account, ours(), receipt("inactive"))

    assert told(account, "message.ack") == []


# Reactions ----------------------------------------------------------------------------------------


def test_a_reaction_is_shown_and_told(account):
    hear(account, message(), reaction("👍", sender=US, from_me=True))

    [data] = told(account, "message.reaction")
    assert data["message_id"] == str(Message.objects.get().pk)
    assert (data["emoji"], data["sender"]["phone_number"], data["direction"]) == (
        "👍",
        "+15550001",
        "out",
    )
    assert [r["emoji"] for r in shown()["reactions"]] == ["👍"]


def test_another_emoji_replaces_and_none_takes_back(account):
    hear(account, message(), reaction("👍"), reaction("❤️", wa_id="R2", timestamp=NOON + 2))
    assert [r["emoji"] for r in shown()["reactions"]] == ["❤️"]

    hear(account, reaction("", wa_id="R3", timestamp=NOON + 3))

    assert shown()["reactions"] == []
    assert [d["emoji"] for d in told(account, "message.reaction")] == ["👍", "❤️", None]


def test_an_older_reaction_that_comes_late_is_over(account):
    hear(account, message(), reaction("", wa_id="R2", timestamp=NOON + 9), reaction("👍"))

    assert shown()["reactions"] == []
    assert len(told(account, "message.reaction")) == 1


def test_a_reaction_twice_is_told_once(account):
    hear(account, message(), reaction(), reaction())

    assert len(told(account, "message.reaction")) == 1


def test_a_reaction_before_its_message_is_told_at_once_and_shown_later(account):
    hear(account, reaction(), reaction())
    assert [d["message_id"] for d in told(account, "message.reaction")] == [None]

    hear(account, message())

    assert [r["emoji"] for r in told(account, "message")[0]["reactions"]] == ["👍"]
    assert len(told(account, "message.reaction")) == 1


def test_a_reaction_waits_for_a_placeholder_to_be_filled(account):
    hear(account, undecryptable(), reaction(), message())

    assert [r["emoji"] for r in shown()["reactions"]] == ["👍"]


def test_a_reaction_from_another_chat_does_not_reach_a_groups_message(account):
    hear(account, message(**IN_GROUP), reaction())

    assert not Reaction.objects.exists()


# Votes --------------------------------------------------------------------------------------------

POLL = {"type": "poll", "content": {"poll": {"name": "Lunch?", "options": ["soup", "cake"]}}}
SOUP, CAKE = option_hash("soup"), option_hash("cake")


def test_votes_are_counted_per_option(account):
    hear(account, message(**POLL), vote(SOUP), vote(CAKE, sender=US, from_me=True, wa_id="P2"))

    assert shown()["poll"]["options"] == [
        {"text": "soup", "votes": 1},
        {"text": "cake", "votes": 1},
    ]
    assert told(account, "message.poll_vote")[0]["options"] == ["soup"]


def test_a_new_vote_replaces_the_old_one_in_any_order(account):
    later = vote(CAKE, wa_id="P2", timestamp=NOON + 9)
    hear(account, message(**POLL), later, vote(SOUP))

    assert [o["votes"] for o in shown()["poll"]["options"]] == [0, 1]


@pytest.mark.parametrize("poll_first", [True, False])
def test_a_vote_comes_sealed_and_is_opened_later(account, poll_first):
    poll, votes = [message(**POLL)], [vote(readable=False), vote(SOUP), vote(readable=False)]
    hear(account, *(poll + votes if poll_first else votes + poll))
    row = PollVote.objects.get()
    assert (row.readable, row.option_hashes) == (True, [SOUP])
    assert [v["readable"] for v in told(account, "message.poll_vote")] == [False, True]


def test_a_vote_nobody_can_read_is_counted_as_such(account):
    hear(account, message(**POLL), vote(readable=False))

    assert (shown()["poll"]["voters"], shown()["poll"]["unreadable"]) == (1, 1)
    assert told(account, "message.poll_vote")[0]["readable"] is False


# Edits and revokes --------------------------------------------------------------------------------


def test_an_edit_changes_the_text_and_is_told(account):
    hear(account, message(), edit())

    assert shown()["text"] == "better"
    assert shown()["edited_at"]
    assert told(account, "message.edited")[0]["text"] == "better"


def test_the_latest_edit_counts_in_any_order(account):
    hear(account, message(), edit("third", wa_id="E3", timestamp=NOON + 30), edit("second"))

    assert shown()["text"] == "third"
    assert len(told(account, "message.edited")) == 1


def test_an_edit_before_its_message(account):
    hear(account, edit(), edit(), message())

    assert told(account, "message")[0]["text"] == "better"
    assert len(told(account, "message.edited")) == 1


def test_an_edit_of_our_own_message_on_the_phone(account):
    hear(account, ours(), edit(sender=US, from_me=True))

    assert shown()["text"] == "better"


@pytest.mark.parametrize(
    ("original", "change"),
    [
        pytest.param(ours(), edit(), id="of ours by them"),
        pytest.param(message(), edit(sender=US, from_me=True), id="of theirs by us"),
        pytest.param(
            message(sender=ANN, **IN_GROUP), edit(sender=BOB, **IN_GROUP), id="by another member"
        ),
        pytest.param(message(**IN_GROUP), edit(), id="from another chat"),
        pytest.param(message(), edit(chat=BOB, sender=BOB), id="by another person"),
    ],
)
def test_nobody_edits_what_others_wrote(account, original, change):
    hear(account, original, change)

    assert shown()["text"] == "hello"
    assert told(account, "message.edited") == []


def test_the_same_holds_for_an_edit_that_came_first(account):
    hear(account, edit(sender=BOB, **IN_GROUP), message(sender=ANN, **IN_GROUP))

    assert shown()["text"] == "hello"


def test_an_edit_by_lid_of_a_message_by_number_is_the_same_persons(account):
    by_number = base.Party(ANN.jid, "", "+15550009", "Ann")
    by_lid = base.Party(ANN.lid, ANN.lid)
    hear(account, message(chat=by_number, sender=by_number), edit(chat=by_lid, sender=by_lid))

    assert shown()["text"] == "better"


def test_a_revoke_is_shown_and_told_once(account):
    hear(account, message(), revoke(), revoke(wa_id="V2"))

    assert shown()["revoked_at"]
    assert len(told(account, "message.revoked")) == 1


def test_a_revoke_before_its_message(account):
    hear(account, revoke(), message())

    assert told(account, "message")[0]["revoked_at"]


def test_an_admin_of_the_group_may_revoke_and_a_stranger_may_not(account):
    hear(account, message(sender=ANN, **IN_GROUP), revoke(sender=BOB, **IN_GROUP))
    assert shown()["revoked_at"]

    hear(account, message("3A02"), revoke(target_wa_id="3A02", chat=BOB, sender=BOB))
    assert Message.objects.get(wa_id="3A02").revoked_at is None


# All together -------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(range(5))))
def test_any_order_and_every_fact_twice_ends_the_same(account, order):
    facts = [message(**POLL), reaction(), edit(), vote(SOUP), revoke()]
    chosen = [facts[index] for index in order]
    hear(account, *chosen, *reversed(chosen))

    data = shown()
    assert (data["text"], bool(data["revoked_at"])) == ("better", True)
    assert [r["emoji"] for r in data["reactions"]] == ["👍"]
    assert [o["votes"] for o in data["poll"]["options"]] == [1, 0]
    for kind in ("message", "message.reaction", "message.edited", "message.revoked"):
        assert len(told(account, kind)) == 1, kind
    assert not HeldFact.objects.exists()


def test_facts_about_messages_that_never_come_fail_nothing(account):
    hear(account, reaction(), edit(), revoke(), vote(SOUP), receipt(), receipt(sender=US))

    assert not Message.objects.exists()
    assert HeldFact.objects.count() == 6


def test_two_accounts_of_one_chat_do_not_share_a_message(account):
    other = connected_account_of_another_phone()
    hear(account, message())
    hear(other, reaction())

    assert not Reaction.objects.exists()
    assert not Receipt.objects.exists()


def connected_account_of_another_phone():
    from tests.factories import AccountFactory

    return AccountFactory(connected=True)


def test_a_fact_that_names_nobody_is_no_harm(account):
    nobody = dataclasses.replace(ANN, jid="", lid="")
    hear(account, message(), reaction(sender=nobody), receipt(sender=nobody, chat=nobody))

    assert not Reaction.objects.exists()
