"""Sending: order, refusals, pauses, and every plain end that a message can come to."""

from __future__ import annotations

import asyncio
import threading

import pytest
from channels.db import database_sync_to_async as in_thread
from django.utils import timezone

from events import types
from messaging.models import Chat, Outgoing, Pacing, Reaction
from messaging.outbox import orders, rates
from sessions_mgr import services
from sessions_mgr.engines import base
from tests.factories import AccountFactory
from tests.life import LINKED, say
from tests.outbox_rows import (
    FRIEND,
    account_row,
    acks,
    events,
    look,
    put,
    record,
)
from tests.outboxes import FakeWorker, outbox

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_a_time_lock_is_over_when_a_first_message_to_somebody_goes_through():
    account = await account_row()
    worker = FakeWorker()

    async def locked():
        await in_thread(account.refresh_from_db)()
        return [known["kind"] for known in account.restrictions]

    async with outbox(worker) as it:
        await put(account, "known", to="+15550003")
        await it.until_quiet()
        worker.fail("send", "reachout_timelock", "463")
        await put(account, "stranger")
        await it.until_quiet()
        await put(account, "known", to="+15550003")
        await it.until_quiet()
        assert await locked() == ["reachout_timelock"]

        await put(account, "stranger, again")
        await it.until_quiet()
        assert await locked() == []

        worker.fail("send", "reachout_timelock", "463")
        await put(account, "another one", to="+15550004")
        await it.until_quiet()
    assert await locked() == ["reachout_timelock"]
    assert len(await events(types.ACCOUNT_RESTRICTED)) == 2


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


def both_names():
    """A message that says which number belongs to the LID."""
    return base.MessageReceived(
        wa_id="3A09",
        chat=FRIEND,
        sender=FRIEND,
        from_me=False,
        timestamp=timezone.now().timestamp(),
        type="text",
        text="hello",
    )


async def test_order_is_kept_when_the_number_of_a_chat_becomes_known_while_it_waits():
    account = await account_row()
    await put(account, "a0", to=FRIEND.lid)
    await put(account, "a1", to=FRIEND.lid)
    worker = FakeWorker()
    worker.fail("send", "not_connected")
    async with outbox(worker) as it:
        await it.until_quiet()
        await record(account, both_names())
        await put(account, "a2", to=FRIEND.jid)
        await it.until_quiet()
        assert worker.texts() == []
        await it.pass_time(10)
    assert worker.texts() == ["a0", "a1", "a2"]


async def test_a_message_under_way_is_not_asked_for_again_when_its_chat_gets_another_name():
    account = await account_row()
    await put(account, "a0", to=FRIEND.lid)
    await put(account, "a1", to=FRIEND.lid)
    under_way, go_on = threading.Event(), threading.Event()
    worker = FakeWorker()

    def hang(_sent):
        under_way.set()
        assert go_on.wait(10)

    worker.during_send = hang
    async with outbox(worker) as it:
        await it.dispatcher.step()
        assert await asyncio.to_thread(under_way.wait, 10)
        await record(account, both_names())
        assert await it.dispatcher.step() == 0
        go_on.set()
        await it.dispatcher.settle()
        await it.until_quiet()
    assert worker.texts() == ["a0", "a1"]
    assert worker.ops().count("send") == 2
