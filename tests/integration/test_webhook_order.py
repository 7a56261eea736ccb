"""Order within an account, and who may hold whom up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from channels.db import database_sync_to_async as in_thread

from events import services as event_log
from tests import receiver
from tests.couriers import courier
from tests.receiver import Receiver, status
from tests.webhook_rows import A, B, attempts, happen, hook, statuses
from webhooks import ledger

pytestmark = pytest.mark.django_db(transaction=True)


async def test_one_accounts_events_go_one_after_the_other_and_wait_for_the_first():
    answers = iter([status(500)])

    async def first_fails(request, writer):
        await next(answers, receiver.OK)(request, writer)

    with Receiver(first_fails) as server:
        to = await hook(server.url)
        await happen(to, 4, account=A)
        async with courier() as it:
            await it.step()
            assert len(server.received) == 1
            await happen(to, 2, account=B)
            await happen(to, 1, account=A)
            await it.until_quiet()
            assert [e["account_id"] for e in server.events[1:]] == [str(B)] * 2
            await it.pass_time(timedelta(seconds=10))

    seqs = [e["seq"] for e in server.events if e["account_id"] == str(A)]
    assert seqs == [1, 1, 2, 3, 4, 7]


async def test_without_order_nothing_waits_for_anything():
    async def second_fails(request, writer):
        fails = request.event["seq"] == 1
        await (status(500) if fails else receiver.OK)(request, writer)

    with Receiver(second_fails) as server:
        to = await hook(server.url, order="none")
        await happen(to, 5)
        async with courier() as it:
            await it.until_quiet()

    assert await statuses(to) == ["pending", *["delivered"] * 4]


async def test_no_more_at_once_than_the_endpoint_allows():
    at_once = peak = 0

    async def count(request, writer):
        nonlocal at_once, peak
        at_once += 1
        peak = max(peak, at_once)
        import asyncio

        await asyncio.sleep(0.02)
        at_once -= 1
        await receiver.OK(request, writer)

    with Receiver(count) as server:
        to = await hook(server.url, order="none", concurrency=3)
        await happen(to, 12)
        async with courier() as it:
            await it.until_quiet()

    assert (peak, len(server.received)) == (3, 12)


async def test_a_lane_is_not_passed_by_another_worker():
    to = await hook("http://127.0.0.1:9/")
    await happen(to, 3)

    @in_thread
    def two_workers(at):
        first = ledger.turn(claim="a", at=at)
        happened = event_log.append(
            workspace_id=to.workspace_id, type="message", account_id=A, data={}
        )
        at = max(at, happened.recorded_at)
        return first, ledger.turn(claim="b", at=at)

    async with courier() as it:
        first, second = await two_workers(it.now)

    assert ([c.parcel is not None for c in first], second) == ([True] * 3, [])


async def test_a_claim_that_ran_out_is_taken_over_and_its_late_report_changes_nothing():
    to = await hook("http://127.0.0.1:9/")
    await happen(to)

    @in_thread
    def story(at):
        from webhooks.sender import Outcome

        [slow] = ledger.turn(claim="slow", at=at)
        assert ledger.turn(claim="quick", at=at + timedelta(seconds=29)) == []
        [taken] = ledger.turn(claim="quick", at=at + timedelta(seconds=31))
        good = Outcome(ok=True, at=at.timestamp(), duration_ms=1, status_code=200)
        bad = Outcome(ok=False, at=at.timestamp(), duration_ms=1, status_code=500)
        later = at + timedelta(seconds=32)
        ledger.record(claim="quick", at=later, reports=[ledger.Report(taken, good)])
        ledger.record(claim="slow", at=later, reports=[ledger.Report(slow, bad)])

    async with courier() as it:
        await story(it.now)

    assert await statuses(to) == ["delivered"]
    assert [a.ok for a in await attempts(to)] == [True, False]
