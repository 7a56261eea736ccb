"""Delivery against real servers on loopback: answers of every kind, and what is delivered."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from channels.db import database_sync_to_async as in_thread
from standardwebhooks import Webhook

from events import services as event_log
from events.models import Event
from tests import receiver
from tests.couriers import courier
from tests.receiver import Receiver, status
from tests.webhook_rows import attempts, fresh, happen, hook, one_attempt, statuses
from webhooks import services
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_the_receiver_of_the_tests_speaks_http():
    with Receiver(status(418, b"tea", X_Pot="yes")) as server:
        answer = httpx.post(server.url, content=b"{}", trust_env=False)

    assert (answer.status_code, answer.text, answer.headers["x-pot"]) == (418, "tea", "yes")
