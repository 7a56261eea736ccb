"""Delivery against real servers on loopback: answers of every kind, retries, order, the circuit."""

from __future__ import annotations

import ssl
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from channels.db import database_sync_to_async as in_thread
from standardwebhooks import Webhook

from events import services as event_log
from events.models import Event
from tests import receiver
from tests.couriers import courier
from tests.factories import WorkspaceFactory, endpoint
from tests.receiver import Receiver, status
from webhooks import ledger, schedule, services
from webhooks.models import Attempt, Delivery, Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

A, B = uuid4(), uuid4()


@in_thread
def hook(url, **fields):
    return endpoint(WorkspaceFactory(), url, **fields)


@in_thread
def happen(to, n=1, account=A, kind="message", **data):
    return [
        event_log.append(
            workspace_id=to.workspace_id, type=kind, account_id=account, data={"n": i, **data}
        )
        for i in range(n)
    ]


@in_thread
def statuses(to):
    return list(
        Delivery.objects.filter(endpoint=to).order_by("seq").values_list("status", flat=True)
    )


@in_thread
def attempts(to):
    return list(Attempt.objects.filter(endpoint=to).order_by("pk"))


@in_thread
def fresh(row):
    row.refresh_from_db()
    return row


async def one_attempt(answer, **how):
    """An event, one turn; the endpoint, the delivery and the attempt afterwards."""
    with Receiver(answer) as server:
        to = await hook(server.url)
        await happen(to)
        async with courier(**how) as it:
            await it.step()
            delivery = await in_thread(Delivery.objects.get)(endpoint=to)
            return await fresh(to), delivery, (await attempts(to))[0], it.now


async def test_an_event_arrives_signed_and_whole():
    with Receiver() as server:
        to = await hook(server.url, headers={"X-Team": "crm"})
        [event] = await happen(to, text="Grüße 👋")
        async with courier() as it:
            await it.step()

    [request] = server.received
    assert request.event == event.envelope()
    assert Webhook(to.secret).verify(request.body, request.headers) == event.envelope()
    assert request.headers["webhook-id"] == event.pk
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-team"] == "crm"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert await statuses(to) == ["delivered"]


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
async def test_every_2xx_is_success(code):
    _, delivery, attempt, _ = await one_attempt(status(code, b"thanks"))

    assert (delivery.status, attempt.ok, attempt.status_code) == ("delivered", True, code)
    assert attempt.answer == ("" if code == 204 else "thanks")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_are_failures_and_never_followed(code):
    with Receiver() as inside:
        _, delivery, attempt, _ = await one_attempt(status(code, Location=inside.url))

    assert inside.received == []
    assert (delivery.status, attempt.ok, attempt.status_code) == ("pending", False, code)
    assert "not followed" in attempt.error


@pytest.mark.parametrize("code", [400, 401, 404, 500, 502, 999])
async def test_every_other_answer_is_tried_again_in_about_five_seconds(code):
    _, delivery, attempt, now = await one_attempt(status(code, b"no"))

    assert (delivery.status, delivery.tries, attempt.answer) == ("pending", 1, "no")
    assert timedelta(seconds=3.9) < delivery.due_at - now < timedelta(seconds=6.1)


@pytest.mark.parametrize("code", [429, 503])
async def test_retry_after_is_honoured_for_the_whole_endpoint(code):
    to, delivery, _, now = await one_attempt(status(code, Retry_After="60"))

    assert delivery.due_at == to.resume_at == now + timedelta(seconds=60)


async def test_410_disables_the_endpoint_and_says_so_in_the_log():
    to, delivery, _, _ = await one_attempt(status(410))

    assert (to.status, to.disabled_reason["code"]) == ("disabled", "gone")
    assert delivery.status == "pending"
    event = await in_thread(Event.objects.get)(type="webhook.disabled")
    assert event.data["endpoint_id"] == str(to.pk)
    assert event.data["reason"]["code"] == "gone"
    assert await in_thread(services.enable)(endpoint=to, actor="test")


@pytest.mark.parametrize("answer", [receiver.never, receiver.drip], ids=["never", "drip"])
async def test_no_answer_in_time_is_a_failure(answer):
    _, delivery, attempt, _ = await one_attempt(answer, seconds=0.3)

    assert (delivery.status, attempt.status_code) == ("pending", None)
    assert attempt.error == "no answer within 0.3 s"
    assert 250 < attempt.duration_ms < 2000


async def test_a_body_that_drips_does_not_hold_up_success():
    _, delivery, attempt, _ = await one_attempt(receiver.drip_body)

    assert (delivery.status, attempt.ok) == ("delivered", True)
    assert 0 < len(attempt.answer) <= 3


async def test_of_ten_megabytes_one_kilobyte_is_kept():
    _, delivery, attempt, _ = await one_attempt(receiver.huge)

    assert (delivery.status, attempt.answer) == ("delivered", "y" * 1024)


async def test_what_is_not_http_is_told():
    _, _, attempt, _ = await one_attempt(receiver.garbage)

    assert "not HTTP" in attempt.error


async def test_answers_may_hold_anything():
    _, delivery, attempt, _ = await one_attempt(status(200, b"\0\xff\xfe<script>"))

    assert delivery.status == "delivered"
    assert attempt.answer.endswith("<script>")
    assert "\0" not in attempt.answer


async def test_a_closed_port_is_told():
    with Receiver() as server:
        url = server.url
    to = await hook(url)
    await happen(to)
    async with courier() as it:
        await it.step()

    assert (await attempts(to))[0].error == "connection refused"


@pytest.fixture
def own_certificate(tmp_path):
    """A server context with a certificate that nobody vouches for."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    at = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_refused(own_certificate):
    with Receiver(tls=own_certificate) as server:
        to = await hook(server.url)
        await happen(to)
        async with courier() as it:
            await it.step()

    assert server.received == []
    assert (await attempts(to))[0].error.startswith("TLS: self")


# Where it may go -----------------------------------------------------------------------------


async def test_a_private_address_is_refused_at_connection_time():
    with Receiver() as server:
        to = await hook(server.url)
        await happen(to)
        async with courier(allow_private=False) as it:
            await it.step()

    assert server.connections == 0
    assert "private" in (await attempts(to))[0].error


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"], ["10.0.0.7"]],
)
async def test_a_name_that_leads_inside_is_refused(answers):
    async def resolve(host, port):
        assert host == "rebind.example.com"
        return answers

    with Receiver() as server:
        to = await hook(f"http://rebind.example.com:{server.port}/")
        await happen(to)
        async with courier(allow_private=False, resolve=resolve) as it:
            await it.step()

    assert server.connections == 0
    assert "private" in (await attempts(to))[0].error


async def test_a_name_is_resolved_once_and_the_judged_address_is_called(monkeypatch):
    """Rebinding: the second answer would lead inside, but nobody asks a second time."""
    from egress import addresses

    asked = []

    async def resolve(host, port):
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    monkeypatch.setattr(
        addresses, "FORBIDDEN_V4", [n for n in addresses.FORBIDDEN_V4 if str(n) != "127.0.0.0/8"]
    )
    with Receiver() as server:
        to = await hook(f"http://rebind.example.com:{server.port}/")
        await happen(to)
        async with courier(allow_private=False, resolve=resolve) as it:
            await it.step()

    assert asked == ["rebind.example.com"]
    assert server.connections == 0  # it listens on 127.0.0.1, and 127.0.0.2 was called
    assert (await attempts(to))[0].error == "connection refused"


async def test_a_name_with_two_addresses_is_reached_by_the_one_that_answers():
    async def resolve(host, port):
        return ["127.0.0.9", "127.0.0.1"]

    with Receiver() as server:
        to = await hook(f"http://two.example.com:{server.port}/")
        await happen(to)
        async with courier(resolve=resolve) as it:
            await it.step()

    assert server.received[0].headers["host"] == f"two.example.com:{server.port}"


async def test_a_name_that_does_not_exist_is_told():
    async def resolve(host, port):
        raise OSError

    to = await hook("http://nowhere.example.com/")
    await happen(to)
    async with courier(resolve=resolve) as it:
        await it.step()

    assert (await attempts(to))[0].error == "the name nowhere.example.com cannot be resolved"


async def test_with_a_proxy_only_the_proxy_is_connected_to():
    with Receiver() as proxy:
        to = await hook("http://hooks.example.com/in")
        await happen(to)
        async with courier(allow_private=False, proxy=f"http://127.0.0.1:{proxy.port}") as it:
            await it.step()

    assert [r.path for r in proxy.received] == ["http://hooks.example.com/in"]
    assert await statuses(to) == ["delivered"]


# What is delivered ---------------------------------------------------------------------------


async def test_filters_decide_when_the_event_is_written():
    to = await hook("http://127.0.0.1:9/", types=["message"], ignore_chats={"groups": True})
    await happen(to)
    await happen(to, kind="session.status")
    await happen(to, chat={"jid": "1@g.us", "type": "group"})

    assert await statuses(to) == ["pending"]


@in_thread
def append_and_fail(to):
    from django.db import transaction

    with transaction.atomic():
        event_log.append(workspace_id=to.workspace_id, type="message", data={})
        assert Delivery.objects.filter(endpoint=to).count() == 1
        transaction.set_rollback(True)


async def test_event_and_delivery_are_one_transaction():
    to = await hook("http://127.0.0.1:9/")
    await append_and_fail(to)

    assert await statuses(to) == []
    assert not await in_thread(Event.objects.exists)()


async def test_another_workspaces_endpoint_hears_nothing():
    mine, other = await hook("http://127.0.0.1:9/"), await hook("http://127.0.0.1:9/")
    await happen(mine)

    assert (len(await statuses(mine)), len(await statuses(other))) == (1, 0)


async def test_the_secret_rotates_without_a_gap():
    with Receiver() as server:
        to = await hook(server.url)
        new = await in_thread(services.rotate_secret)(endpoint=to, actor="test")
        await happen(to)
        async with courier() as it:
            await it.step()
            it.now += timedelta(hours=25)
            await happen(to)
            await it.step()

    first, later = server.received
    for secret in (to.secret, new):
        Webhook(secret).verify(first.body, first.headers)
    assert len(first.headers["webhook-signature"].split()) == 2
    assert len(later.headers["webhook-signature"].split()) == 1


async def test_a_secret_of_another_installation_is_told_and_can_be_rotated():
    with Receiver() as server:
        to = await hook(server.url)
        await in_thread(Endpoint.objects.filter(pk=to.pk).update)(sealed_secret=b"x" * 40)
        await happen(to)
        async with courier() as it:
            await it.step()
            assert "rotate" in (await attempts(to))[0].error
            await in_thread(services.rotate_secret)(endpoint=await fresh(to), actor="test")
            await it.pass_time(timedelta(seconds=10))

    assert len(server.received) == 1


# Order, and who holds whom up ----------------------------------------------------------------


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


# Bad days ------------------------------------------------------------------------------------


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
    import asyncio
    import time

    async def mixed(request, writer):
        kind = request.path.partition("?")[2]
        await {"slow": receiver.never, "bad": status(500)}.get(kind, receiver.OK)(request, writer)

    kinds = ["slow"] * 10 + ["bad"] * 10 + ["good"] * 80
    with Receiver(mixed) as server:

        @in_thread
        def many():
            workspace = WorkspaceFactory()
            made = [endpoint(workspace, f"{server.url}?{kind}") for kind in kinds]
            for _ in range(3):
                event_log.append(workspace_id=workspace.pk, type="message", account_id=A, data={})
            return made

        await many()
        async with courier(seconds=15.0) as it:
            began = time.monotonic()
            good = 0
            while good < 240:
                await it.worker.step()
                good = sum(r.path.endswith("?good") for r in list(server.received))
                assert time.monotonic() - began < 40
                await asyncio.sleep(0)
            assert time.monotonic() - began < 14  # before the first timeout


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


def test_the_receiver_of_the_tests_speaks_http():
    with Receiver(status(418, b"tea", X_Pot="yes")) as server:
        answer = httpx.post(server.url, content=b"{}", trust_env=False)

    assert (answer.status_code, answer.text, answer.headers["x-pot"]) == (418, "tea", "yes")
