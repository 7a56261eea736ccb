"""Receivers that are down, refuse or hang up: retries, the circuit, and who notices it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async as in_thread

from events import services as event_log
from tests import receiver
from tests.couriers import courier
from tests.factories import WorkspaceFactory, endpoint
from tests.receiver import Receiver, status
from tests.webhook_rows import A, B, attempts, fresh, happen, hook, statuses
from webhooks import schedule, services
from webhooks.models import Attempt, Delivery

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rare_probes(monkeypatch):
    """Two days of probes every five minutes would be long for a test."""
    monkeypatch.setattr(schedule, "LONGEST_PROBE", 3600.0)


@pytest.mark.usefixtures("rare_probes")
async def test_a_receiver_that_is_down_for_two_days_gets_everything_in_order_afterwards():
    with Receiver(status(502)) as server:
        to = await hook(server.url)
        async with courier() as it:
            sent = {A: [], B: []}
            for _ in range(16):
                for account in (A, B):
                    sent[account] += [e.pk for e in await happen(to, 2, account=account)]
                await it.pass_time(timedelta(hours=3))
            assert (await fresh(to)).circuit == "open"
            assert len(server.received) < 1000  # probed, not hammered
            server.answer = receiver.OK
            server.received.clear()
            await it.pass_time(timedelta(hours=2))

    assert set(await statuses(to)) == {"delivered"}
    for account, ids in sent.items():
        seen = [e["id"] for e in server.events if e["account_id"] == str(account)]
        assert seen == ids
    assert (await fresh(to)).status == "active"


@pytest.mark.usefixtures("rare_probes")
async def test_what_fails_for_three_days_is_dead_and_can_be_retried():
    with Receiver(status(500)) as server:
        to = await hook(server.url, order="none")
        await happen(to)
        async with courier() as it:
            await it.pass_time(timedelta(days=2, hours=20))
            assert await statuses(to) == ["pending"]
            await it.pass_time(timedelta(hours=12))
            assert await statuses(to) == ["dead"]
            server.answer = receiver.OK
            row = await in_thread(Delivery.objects.select_related("endpoint__workspace").get)()
            await in_thread(services.retry)(delivery=row, actor="test")
            await it.pass_time(timedelta(hours=2))

    assert await statuses(to) == ["delivered"]


@pytest.mark.parametrize("order", ["none", "account"])
async def test_an_event_that_is_always_refused_keeps_no_other_account_waiting(order):
    async def poison(request, writer):
        await (status(500) if request.event["seq"] == 1 else receiver.OK)(request, writer)

    with Receiver(poison) as server:
        to = await hook(server.url, order=order)
        await happen(to)
        async with courier() as it:
            for round_ in range(1, 4):
                await it.pass_time(timedelta(hours=2))
                await happen(to, account=B)
                await it.pass_time(timedelta(minutes=6))
                assert await statuses(to) == ["pending", *["delivered"] * round_]


async def test_twenty_failures_open_the_circuit_and_one_probe_closes_it():
    with Receiver(status(500)) as server:
        to = await hook(server.url, order="none", concurrency=20)
        await happen(to, 40)
        async with courier() as it:
            await it.step()
            assert (await fresh(to)).status == "paused"
            assert len(server.received) == 20
            await it.step()
            assert len(server.received) == 20
            await it.pass_time(timedelta(seconds=13))
            assert len(server.received) == 21
            server.answer = receiver.OK
            await it.pass_time(timedelta(minutes=1))

    assert await statuses(to) == ["delivered"] * 40
    assert (await fresh(to)).failures == 0


async def test_of_a_hundred_endpoints_twenty_bad_ones_slow_nobody():
    async def mixed(request, writer):
        kind = request.path.partition("?")[2]
        await {"slow": receiver.never, "bad": status(500)}.get(kind, receiver.OK)(request, writer)

    kinds = ["slow"] * 10 + ["bad"] * 10 + ["good"] * 80

    @in_thread
    def many(url):
        workspace = WorkspaceFactory()
        for kind in kinds:
            endpoint(workspace, f"{url}?{kind}")
        for _ in range(3):
            event_log.append(workspace_id=workspace.pk, type="message", account_id=A, data={})

    @in_thread
    def given_up():
        return Attempt.objects.filter(endpoint__url__endswith="?slow").count()

    async with courier(seconds=40.0) as it:
        with Receiver(mixed) as server:  # ends first, and with it those that wait for the slow ones
            await many(server.url)
            async with asyncio.timeout(60):
                while sum(r.path.endswith("?good") for r in list(server.received)) < 240:
                    await it.worker.step()
                    await asyncio.sleep(0)
            assert await given_up() == 0


async def test_an_idle_connection_that_the_server_closed_costs_no_attempt():
    async def once(request, writer):
        await receiver.OK(request, writer)
        writer.close()

    with Receiver(once) as server:
        to = await hook(server.url)
        await happen(to, 3)
        async with courier() as it:
            await it.until_quiet()

    assert await statuses(to) == ["delivered"] * 3
    assert [a.ok for a in await attempts(to)] == [True] * 3
    assert len(set(server.ids)) == 3


async def test_disabled_means_nothing_is_written_and_what_waits_goes_out_later():
    with Receiver() as server:
        to = await hook(server.url)
        await happen(to)
        await in_thread(services.disable)(
            endpoint=to, code="manual", message="Disabled by hand.", actor="test"
        )
        await happen(to)
        async with courier() as it:
            assert await it.step() == 0
            await in_thread(services.enable)(endpoint=to, actor="test")
            it.now += timedelta(seconds=1)
            await it.until_quiet()

    assert len(server.received) == 1


async def test_the_worker_is_woken_by_a_hint(monkeypatch):
    """End to end in this process: append, hint, signed request, without waiting for the poll."""
    import asyncio

    from egress.transport import close, make_pool
    from events import hints
    from webhooks import worker as module
    from webhooks.sender import Sender

    class Here:
        def send(self, workspace_id, seq):
            for hear in self.hearers:
                hear(workspace_id, seq)

        def listen(self, hear):
            self.hearers = [hear]

    before = hints._carrier
    monkeypatch.setattr(module, "POLL", 60.0)
    hints.register(Here())
    try:
        with Receiver() as server:
            to = await hook(server.url)
            stop = asyncio.Event()
            pool = make_pool(allow_private=True)
            worker = module.DeliveryWorker(stop, Sender(pool, allow_private=True))
            running = asyncio.ensure_future(worker.run())
            await happen(to)  # found by the first look
            await asyncio.to_thread(server.wait, 1)
            await happen(to)
            await asyncio.to_thread(server.wait, 2)
            stop.set()
            await running
            await close(pool)
    finally:
        hints.register(before)

    assert await statuses(to) == ["delivered"] * 2
