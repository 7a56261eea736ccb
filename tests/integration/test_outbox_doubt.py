"""Answers that are lost or late: sent at most once, and WhatsApp settles what became of it."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async as in_thread
from django.db import transaction
from django.utils import timezone

from events import types
from messaging import inbox
from messaging.models import Message, Reaction
from messaging.outbox import settling
from sessions_mgr.engines import base
from sessions_mgr.models import Session
from tests.outbox_rows import (
    FRIEND,
    account_row,
    acks,
    echo,
    events,
    look,
    put,
    record,
    settled,
)
from tests.outboxes import FakeWorker, outbox

pytestmark = pytest.mark.django_db(transaction=True)


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

    def receipt(sent):
        now = timezone.now()
        fact = base.ReceiptReceived([sent["wa_id"]], "delivered", FRIEND, FRIEND, now.timestamp())
        with transaction.atomic():  # as ingest stores it
            inbox.record(account=account, fact=fact, at=now)

    worker.during_send = receipt
    async with outbox(worker) as it:
        await it.until_quiet()
    assert (await look(message)).status == "delivered"
    assert await acks(message) == ["sending", "sent", "delivered"]
