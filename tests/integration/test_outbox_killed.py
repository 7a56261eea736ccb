"""Dispatchers that are killed anywhere, and two at once: nothing lost, nothing doubled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from channels.db import database_sync_to_async as in_thread

from events import types
from messaging.outbox import settling
from tests.outbox_rows import (
    account_row,
    acks,
    events,
    look,
    put,
)
from tests.outboxes import FakeWorker, Killed, outbox

pytestmark = pytest.mark.django_db(transaction=True)


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
