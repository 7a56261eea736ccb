"""Sending: order, retries, every end a message can come to, and that it is sent at most once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from channels.db import database_sync_to_async as in_thread
from django.utils import timezone

from events import types
from events.models import Event
from messaging import inbox
from messaging.models import Chat, Message, Outgoing, Pacing, Reaction
from messaging.outbox import orders, rates, settling
from sessions_mgr import services
from sessions_mgr.engines import base
from sessions_mgr.models import Session
from tests.factories import AccountFactory
from tests.life import LINKED, connected_account, say
from tests.outboxes import FakeWorker, Killed, outbox, queue

pytestmark = pytest.mark.django_db(transaction=True)

FRIEND = base.Party("15550002@s.whatsapp.net", "915550002@lid", "+15550002")
US = base.Party(LINKED["jid"], LINKED["lid"], LINKED["phone_number"])


@in_thread
def account_row(**fields):
    return connected_account(**fields)


@in_thread
def put(account, *args, **kwargs):
    return queue(account, *args, **kwargs)


@in_thread
def look(message):
    return Message.objects.select_related("outgoing").get(pk=message.pk)


@in_thread
def acks(message):
    events = Event.objects.filter(type=types.MESSAGE_ACK).order_by("seq")
    return [e.data["status"] for e in events if e.data["message_id"] == str(message.pk)]


@in_thread
def events(kind):
    return [e.data for e in Event.objects.filter(type=kind).order_by("seq")]


@in_thread
def record(account, fact):
    inbox.record(account=account, fact=fact, at=timezone.now())


def settled(message, **fields):
    return base.SendSettled(str(message.pk), timezone.now().timestamp(), **fields)


def echo(wa_id="WA0001", text="hello", **fields):
    return base.MessageReceived(
        wa_id=wa_id,
        chat=FRIEND,
        sender=US,
        from_me=True,
        timestamp=timezone.now().timestamp(),
        type="text",
        text=text,
        **fields,
    )


async def test_a_message_goes_from_queued_to_sent():
    account = await account_row()
    message = await put(account)
    assert message.status == "queued"
    async with outbox() as it:
        await it.until_quiet()
    message = await look(message)
    assert (message.status, message.wa_id) == ("sent", "WA0001")
    assert message.outgoing.settled
    assert await acks(message) == ["sending", "sent"]
    told = await events(types.MESSAGE)
    assert [(e["id"], e["direction"], e["wa_id"]) for e in told] == [
        (str(message.pk), "out", "WA0001")
    ]
    chat = await in_thread(Chat.objects.get)(account=account)
    assert chat.last_message_id == message.pk


async def test_order_is_kept_within_a_chat_while_another_chat_goes_on():
    account = await account_row()
    for n in range(3):
        await put(account, f"a{n}")
        await put(account, f"b{n}", to="+15550003")
    worker = FakeWorker()
    worker.fail("send", "not_connected")
    async with outbox(worker) as it:
        await it.until_quiet()
        assert len(worker.sent) == 3
        await it.pass_time(10)
    for letter in "ab":
        texts = [text for text in worker.texts() if text.startswith(letter)]
        assert texts == [f"{letter}{n}" for n in range(3)]


async def test_nothing_is_tried_before_the_account_is_connected():
    account = await in_thread(AccountFactory)()
    message = await put(account)
    async with outbox() as it:
        await it.until_quiet()
        assert it.worker.calls == []
    assert (await look(message)).status == "queued"


async def test_a_message_that_nobody_could_send_expires():
    account = await in_thread(AccountFactory)()
    message = await put(account, expires_in=60)
    async with outbox() as it:
        await it.pass_time(50)
        assert (await look(message)).status == "queued"
        await it.pass_time(15)
    message = await look(message)
    assert (message.status, message.error["code"]) == ("failed", "expired")
    assert await acks(message) == ["failed"]


async def test_a_logged_out_account_fails_its_queue():
    account = await account_row()
    message = await put(account)
    await in_thread(say)(account, base.LoggedOut())
    async with outbox() as it:
        await it.pass_time(1)
    assert (await look(message)).error["code"] == "session_gone"


@pytest.mark.parametrize(
    "code",
    [
        "invalid_recipient",
        "not_on_whatsapp",
        "reachout_timelock",
        "media_too_large",
        "media_rejected",
        "session_gone",
        "message_too_old",
        "not_a_member",
        "send_failed",
    ],
)
async def test_a_refusal_fails_the_message_with_its_code(code, caplog):
    caplog.set_level("INFO", logger="messaging.outbox")
    account = await account_row()
    message = await put(account)
    worker = FakeWorker()
    worker.fail("send", code, "because")
    async with outbox(worker) as it:
        await it.until_quiet()
    message = await look(message)
    assert (message.status, message.error) == ("failed", {"code": code, "detail": "because"})
    assert await acks(message) == ["sending", "failed"]
    told = [r for r in caplog.records if r.name.startswith("messaging.outbox")]
    assert [(r.getMessage(), r.message_id) for r in told] == [
        (f"a message was not sent: {code}", str(message.pk))
    ]
    assert worker.sent == []


async def test_a_time_lock_is_shown_with_the_account_and_in_the_error():
    account = await account_row()
    message = await put(account)
    worker = FakeWorker()
    until = timezone.now().timestamp() + 3600
    worker.fail("send", "reachout_timelock", "463", until=until)
    async with outbox(worker) as it:
        await it.until_quiet()
    message = await look(message)
    assert message.error["until"] == until
    await in_thread(account.refresh_from_db)()
    assert [r["kind"] for r in account.restrictions] == ["reachout_timelock"]
    assert len(await events(types.ACCOUNT_RESTRICTED)) == 1


async def test_too_fast_pauses_the_account_longer_each_time_and_loses_nothing():
    account = await account_row()
    for n in range(3):
        await put(account, f"{n}", to=f"+1555000{n}")
    worker = FakeWorker()
    worker.fail("send", "rate_limited", times=4)
    async with outbox(worker) as it:
        await it.step()
        row = await in_thread(Pacing.objects.get)(pk=account.pk)
        assert row.paused_until > it.now
        await put(account, "later")
        await it.until_quiet()
        assert worker.sent == []
        await it.pass_time(3600, step=60)
        assert sorted(worker.texts()) == ["0", "1", "2", "later"]


async def test_too_fast_until_the_end_of_its_time_says_so():
    account = await account_row()
    message = await put(account, expires_in=600)
    worker = FakeWorker()
    worker.fail("send", "rate_limited", times=99)
    async with outbox(worker) as it:
        await it.pass_time(700, step=20)
    assert (await look(message)).error["code"] == "rate_limited"


async def test_a_number_is_checked_before_the_first_contact_and_only_then():
    account = await account_row()
    worker = FakeWorker()
    worker.unregistered = {"+15550009"}
    nobody = await put(account, to="+15550009")
    await put(account, "one")
    async with outbox(worker) as it:
        await it.until_quiet()
        await put(account, "two")
        await it.until_quiet()
    assert (await look(nobody)).error["code"] == "not_on_whatsapp"
    assert worker.ops().count("check_numbers") == 2
    assert worker.texts() == ["one", "two"]


async def test_to_oneself_and_to_groups_no_number_is_checked():
    account = await account_row()
    await put(account, to=LINKED["phone_number"])
    await put(account, to="120363041234567890@g.us")
    async with outbox() as it:
        await it.until_quiet()
    assert it.worker.ops() == ["send", "send"]


@pytest.mark.parametrize(
    "code",
    ["not_connected", "not_running", "timeout", "bus_unavailable", "busy", "no_such_upload"],
)
async def test_transport_trouble_is_tried_again(code):
    account = await account_row()
    message = await put(account)
    worker = FakeWorker()
    worker.fail("send", code, times=3)
    async with outbox(worker) as it:
        await it.until_quiet()
        waiting = await look(message)
        assert waiting.status == "sending"
        assert waiting.outgoing.in_doubt == (code in ("timeout", "bus_unavailable"))
        await it.pass_time(30, step=1)
    assert (await look(message)).status == "sent"
    assert len(worker.sent) == 1
    epochs = [args["first_epoch"] for op, args in worker.calls if op == "send"]
    assert epochs[0] == 0
    assert all(epoch > 0 for epoch in epochs[1:])


async def test_a_lost_answer_is_asked_for_again_and_sends_once():
    account = await account_row()
    message = await put(account)
    worker = FakeWorker()
    worker.lose_answer()
    async with outbox(worker) as it:
        await it.until_quiet()
        assert len(worker.sent) == 1
        await it.pass_time(5)
    assert (await look(message)).status == "sent"
    assert len(worker.sent) == 1


async def test_a_lost_answer_is_settled_by_the_bus():
    account = await account_row()
    message = await put(account)
    worker = FakeWorker()
    worker.lose_answer()
    async with outbox(worker) as it:
        await it.until_quiet()
        await record(account, settled(message, wa_id="WA0001"))
        await record(account, settled(message, wa_id="WA0001"))
        await it.pass_time(60, step=5)
    assert (await look(message)).status == "sent"
    assert worker.ops().count("send") == 1
    assert await acks(message) == ["sending", "sent"]
    assert len(await events(types.MESSAGE)) == 1


async def test_an_unknown_outcome_is_never_sent_again():
    account = await account_row()
    message, after = await put(account), await put(account, "after")
    worker = FakeWorker()
    worker.begun_before = {str(message.pk)}
    async with outbox(worker) as it:
        await it.until_quiet()
        await it.pass_time(90_000, step=10_000)
    message = await look(message)
    assert (message.status, message.error["code"]) == ("unknown", "unknown_outcome")
    assert worker.texts() == ["after"]
    assert (await look(after)).status == "sent"


async def test_a_ledger_that_was_lost_makes_a_tried_message_unknown_and_not_a_fresh_one():
    account = await account_row()
    tried = await put(account)
    worker = FakeWorker()
    worker.fail("send", "timeout")
    async with outbox(worker) as it:
        await it.until_quiet()
        epoch = (await in_thread(Session.objects.get)(pk=account.pk)).epoch
        worker.ledger_since = epoch + 1
        fresh = await put(account, "fresh", to="+15550003")
        await it.pass_time(5)
    assert (await look(tried)).status == "unknown"
    assert (await look(fresh)).status == "sent"


@pytest.mark.parametrize("by", ["bus", "echo", "receipt"])
async def test_an_unknown_message_is_settled_by_what_whatsapp_says(by):
    account = await account_row()
    message = await put(account)
    worker = FakeWorker()
    worker.begun_before = {str(message.pk)}
    async with outbox(worker) as it:
        await it.until_quiet()
    if by == "bus":
        await record(account, settled(message, wa_id="WAX"))
    elif by == "echo":
        assert await in_thread(settling.claim_echo)(account, echo("WAX")) is not None
    else:
        receipt = base.ReceiptReceived(
            ["WAX"], "delivered", FRIEND, FRIEND, timezone.now().timestamp()
        )
        assert await in_thread(settling.claim_receipt)(account, receipt, "WAX")
    message = await look(message)
    assert (message.status, message.wa_id, message.error) == ("sent", "WAX", None)
    assert await acks(message) == ["sending", "unknown", "sent"]
    assert len(await events(types.MESSAGE)) == 1


async def test_with_two_unknown_messages_in_a_chat_a_receipt_proves_nothing():
    account = await account_row()
    messages = [await put(account, "one"), await put(account, "two")]
    worker = FakeWorker()
    worker.begun_before = {str(m.pk) for m in messages}
    async with outbox(worker) as it:
        await it.until_quiet()
    receipt = base.ReceiptReceived(["WAX"], "delivered", FRIEND, FRIEND, timezone.now().timestamp())
    assert not await in_thread(settling.claim_receipt)(account, receipt, "WAX")
    assert await in_thread(settling.claim_echo)(account, echo("WAX", text="two")) is not None
    assert [(await look(m)).status for m in messages] == ["unknown", "sent"]


async def test_a_wa_id_that_the_worker_remembers_tells_two_unknown_messages_apart():
    account = await account_row()
    messages = [await put(account, "one"), await put(account, "two")]
    worker = FakeWorker()
    worker.begun_before, worker.remembers = {str(m.pk) for m in messages}, True
    async with outbox(worker) as it:
        await it.until_quiet()
    now = timezone.now().timestamp()
    strange = base.ReceiptReceived(["WA-x"], "delivered", FRIEND, FRIEND, now)
    assert not await in_thread(settling.claim_receipt)(account, strange, "WA-x")
    receipt = base.ReceiptReceived(["WA-two"], "delivered", FRIEND, FRIEND, now)
    assert await in_thread(settling.claim_receipt)(account, receipt, "WA-two")
    found = [await look(m) for m in messages]
    assert [(m.status, m.wa_id) for m in found] == [("unknown", None), ("sent", "WA-two")]
    # Only one is left, but of that one the worker knows another wa_id.
    assert not await in_thread(settling.claim_receipt)(account, strange, "WA-x")
    assert await in_thread(settling.claim_echo)(account, echo("WA-one", text="other")) is not None
    assert (await look(messages[0])).wa_id == "WA-one"


async def test_in_doubt_at_the_end_of_its_time_is_unknown_and_not_failed():
    account = await account_row()
    message = await put(account, expires_in=60)
    worker = FakeWorker()
    worker.fail("send", "timeout", times=50)
    async with outbox(worker) as it:
        await it.pass_time(150, step=10)
    assert (await look(message)).status == "unknown"


async def test_an_echo_before_the_answer_is_the_same_row_and_event():
    account = await account_row()
    message = await put(account)
    worker = FakeWorker()
    worker.during_send = lambda sent: inbox.record(
        account=account, fact=echo(sent["wa_id"]), at=timezone.now()
    )
    async with outbox(worker) as it:
        await it.until_quiet()
    rows = await in_thread(lambda: list(Message.objects.filter(account=account)))()
    assert [row.pk for row in rows] == [message.pk]
    assert rows[0].status == "sent"
    assert len(await events(types.MESSAGE)) == 1


async def test_an_echo_that_has_a_row_of_its_own_is_merged_when_settled():
    account = await account_row()
    message = await put(account)

    def other_row(sent):
        row = Message.objects.create(
            account=account,
            wa_id=sent["wa_id"],
            direction="out",
            chat={"jid": FRIEND.jid, "lid": FRIEND.lid, "type": "user"},
            sender={},
            type="text",
            text="something else",
            timestamp=timezone.now(),
            status="sent",
        )
        person = account.contacts.create(jid="7@s.whatsapp.net")
        Reaction.objects.create(
            message=row, person=person, emoji="👍", wa_id="R", at=timezone.now()
        )

    worker = FakeWorker()
    worker.during_send = other_row
    async with outbox(worker) as it:
        await it.until_quiet()
    rows = await in_thread(lambda: list(Message.objects.filter(account=account)))()
    assert [(row.pk, row.text) for row in rows] == [(message.pk, "hello")]
    assert await in_thread(lambda: Reaction.objects.get().message_id)() == message.pk
    assert await events(types.MESSAGE) == []  # told under the echo's id already


async def test_receipts_that_came_before_the_answer_count():
    account = await account_row()
    message = await put(account)
    worker = FakeWorker()
    worker.during_send = lambda sent: inbox.record(
        account=account,
        fact=base.ReceiptReceived(
            [sent["wa_id"]], "delivered", FRIEND, FRIEND, timezone.now().timestamp()
        ),
        at=timezone.now(),
    )
    async with outbox(worker) as it:
        await it.until_quiet()
    assert (await look(message)).status == "delivered"
    assert await acks(message) == ["sending", "sent", "delivered"]


async def test_a_queued_message_is_taken_back_and_a_sent_one_is_not():
    account = await account_row()
    message, sent = await put(account, "no"), await put(account, "yes", to="+15550003")
    await in_thread(orders.cancel)(message=message)
    await in_thread(orders.cancel)(message=message)
    async with outbox() as it:
        await it.until_quiet()
    assert it.worker.texts() == ["yes"]
    assert (await look(message)).status == "cancelled"
    assert await acks(message) == ["cancelled"]
    with pytest.raises(orders.NotQueued):
        await in_thread(orders.cancel)(message=await look(sent))


POINTS = [
    ("before", "check_numbers"),
    ("after", "check_numbers"),
    ("before", "send"),
    ("after", "send"),
]
STEPS = ["reserve", "begin", "sent"]


@pytest.mark.parametrize(("when", "op"), POINTS)
async def test_killed_around_a_question_nothing_is_lost_or_doubled(when, op):
    account = await account_row()
    messages = [await put(account, "one"), await put(account, "two")]
    worker = FakeWorker()
    worker.die(when, op)
    async with outbox(worker) as it:
        with pytest.raises(Killed):
            await deliver_first(it)
        await it.restart()
        await it.until_quiet()
        await it.pass_time(60, step=10)
    assert worker.texts() == ["one", "two"]
    for message in messages:
        assert (await look(message)).status == "sent"
        assert await acks(message) == ["sending", "sent"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
async def test_killed_around_a_transaction_nothing_is_lost_or_doubled(step, after, monkeypatch):
    account = await account_row()
    messages = [await put(account, "one"), await put(account, "two")]
    module = (
        settling if step == "sent" else __import__("messaging.outbox.ledger", fromlist=["ledger"])
    )
    real = getattr(module, step)

    def killed(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        monkeypatch.setattr(module, step, real)
        raise Killed

    monkeypatch.setattr(module, step, killed)
    async with outbox() as it:
        with pytest.raises(Killed):
            await deliver_first(it)
        await it.restart()
        await it.until_quiet()
        await it.pass_time(60, step=10)
    assert it.worker.texts() == ["one", "two"]
    for message in messages:
        assert (await look(message)).status == "sent"
        assert await acks(message) == ["sending", "sent"]
    assert len(await events(types.MESSAGE)) == 2


async def deliver_first(it):
    """What a thread of the dispatcher does, so that the kill reaches the test."""
    chosen = await in_thread(it.dispatcher._choose)(it.now)
    await in_thread(it.dispatcher._courier.deliver)(chosen[0])


async def test_two_dispatchers_never_serve_one_account_at_once():
    account = await account_row()
    await put(account)
    async with outbox() as one, outbox(one.worker) as two:
        chosen = [await in_thread(d.dispatcher._choose)(d.now) for d in (one, two)]
        assert [len(part) for part in chosen] == [1, 0]
        two.now += timedelta(seconds=31)
        assert len(await in_thread(two.dispatcher._choose)(two.now)) == 1


async def test_a_gap_and_a_cap_on_new_chats_are_kept():
    account = await account_row()
    await in_thread(rates.change)(
        account=account, actor="test", at=timezone.now(), min_gap_ms=2_000, new_chats_per_hour=2
    )
    for n in range(3):
        await put(account, f"{n}", to=f"+1555010{n}")
    async with outbox() as it:
        await it.until_quiet()
        assert len(it.worker.sent) == 1
        await it.pass_time(4, step=1)
        assert len(it.worker.sent) == 2
        await it.pass_time(600, step=60)
        assert len(it.worker.sent) == 2
        await it.pass_time(3_600, step=100)
        assert len(it.worker.sent) == 3


async def test_typing_is_shown_before_a_text():
    account = await account_row()
    await in_thread(rates.change)(account=account, actor="test", at=timezone.now(), typing=True)
    await put(account, "x" * 50)
    async with outbox() as it:
        await it.until_quiet()
        assert it.worker.ops() == ["check_numbers", "typing", "send"]
        assert it.rested == [2.0]


async def test_typing_that_cannot_be_shown_stops_nothing():
    account = await account_row()
    await in_thread(rates.change)(account=account, actor="test", at=timezone.now(), typing=True)
    message = await put(account)
    worker = FakeWorker()
    worker.fail("typing", "timeout")
    async with outbox(worker) as it:
        await it.until_quiet()
    assert (await look(message)).status == "sent"


async def test_loosened_rules_free_what_waits_because_of_them():
    account = await account_row()
    change = in_thread(rates.change)
    await change(account=account, actor="t", at=timezone.now(), min_gap_ms=3_000_000)
    for n in range(2):
        await put(account, f"{n}")
    async with outbox() as it:
        await it.until_quiet()
        assert len(it.worker.sent) == 1
        await change(account=account, actor="t", at=timezone.now(), min_gap_ms=0)
        await it.until_quiet()
        assert len(it.worker.sent) == 2


async def test_a_reply_knows_the_message_that_was_still_queued():
    account = await account_row()
    first = await put(account, "first")
    await put(account, "answer", reply_to=str(first.pk))
    async with outbox() as it:
        await it.until_quiet()
    quoted = it.worker.sent[1]["content"]["quoted"]
    assert (quoted["wa_id"], quoted["from_me"], quoted["text"]) == ("WA0001", True, "first")


async def test_a_reply_to_a_message_that_was_not_sent_fails():
    account = await account_row()
    first = await put(account, "first")
    reply = await put(account, "answer", reply_to=str(first.pk))
    worker = FakeWorker()
    worker.fail("send", "send_failed")
    async with outbox(worker) as it:
        await it.until_quiet()
    assert (await look(reply)).error["code"] == "target_not_sent"


async def test_a_reaction_an_edit_and_a_revoke_of_ours_count_once_they_are_sent():
    account = await account_row()
    message = await put(account, "helo")
    async with outbox() as it:
        await it.until_quiet()
        of = {"to": None, "message_id": str(message.pk)}
        await put(account, None, type="reaction", emoji="👍", **of)
        await put(account, "hello", type="edit", **of)
        await it.until_quiet()
        changed = await look(message)
        assert (changed.text, bool(changed.edited_at)) == ("hello", True)
        assert await in_thread(lambda: Reaction.objects.get().emoji)() == "👍"
        await put(account, None, type="revoke", **of)
        await it.until_quiet()
    assert (await look(message)).revoked_at
    assert it.worker.sent[1]["content"]["target"]["wa_id"] == "WA0001"
    assert len(await events(types.MESSAGE)) == 1
    for kind in ("message.reaction", "message.edited", "message.revoked"):
        assert len(await events(kind)) == 1


async def test_a_disconnect_in_the_middle_holds_the_rest_back_until_it_is_back():
    account = await account_row()
    await put(account, "one")
    async with outbox() as it:
        await in_thread(services.request_disconnect)(account=account)
        await it.until_quiet()
        assert it.worker.calls == []
        assert await in_thread(Outgoing.objects.waiting().count)() == 1
