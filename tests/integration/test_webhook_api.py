"""Webhooks over REST: every call of the contract, every wrong input, and other people's things."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from standardwebhooks import Webhook

from accounts.models import AuditEntry
from events import services as event_log
from tests.factories import AccountFactory, WorkspaceFactory, api_key, endpoint
from tests.receiver import Receiver, status
from webhooks import ledger, replays
from webhooks.models import Delivery, Endpoint
from webhooks.sender import Outcome

pytestmark = pytest.mark.django_db

URL = "https://hooks.example.com/in"


def happen(workspace, n=1, kind="message", **fields):
    return [
        event_log.append(workspace_id=workspace.pk, type=kind, data={"n": i}, **fields)
        for i in range(n)
    ]


def end(deliveries, *, ok, code=200):
    """What a worker would have written."""
    at = timezone.now() + timedelta(seconds=1)
    claimed = ledger.turn(claim="w", at=at)
    chosen = set(deliveries.values_list("pk", flat=True))
    outcome = Outcome(ok=ok, at=at.timestamp(), duration_ms=7, status_code=code, answer="hi")
    ledger.record(
        claim="w",
        at=at,
        reports=[ledger.Report(c, outcome if c.delivery_id in chosen else None) for c in claimed],
    )


def test_create_shows_the_secret_once(api, workspace):
    made = api.post("/api/v1/webhooks", {"url": URL, "types": ["message"]})

    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert made.headers["Cache-Control"] == "no-store"
    again = api.get(f"/api/v1/webhooks/{made.json()['id']}").json()
    assert "secret" not in again
    assert again == {k: v for k, v in made.json().items() if k != "secret"}
    assert (again["types"], again["accounts"], again["status"]) == (["message"], None, "active")
    row = Endpoint.objects.get()
    assert made.json()["secret"].encode() not in bytes(row.sealed_secret)
    assert AuditEntry.objects.filter(workspace=workspace, action="webhook.created").exists()


def test_everything_can_be_set_and_changed(api, workspace):
    account = AccountFactory(workspace=workspace)
    wanted = {
        "url": URL,
        "description": "CRM",
        "types": None,
        "accounts": [str(account.pk)],
        "ignore_chats": {"groups": True, "jids": ["1@g.us"]},
        "headers": {"Authorization": "Bearer abc", "X-Empty": ""},
        "order": "none",
        "concurrency": 3,
    }
    made = api.post("/api/v1/webhooks", wanted).json()
    changed = api.patch(
        f"/api/v1/webhooks/{made['id']}",
        {"headers": {"Authorization": "********", "X-New": "1"}, "accounts": None},
    ).json()

    assert made["ignore_chats"] == {"groups": True, "broadcast": False, "jids": ["1@g.us"]}
    assert made["headers"] == {"Authorization": "********", "X-Empty": "********"}
    assert (made["order"], made["concurrency"], made["description"]) == ("none", 3, "CRM")
    assert changed["accounts"] is None
    assert changed["url"] == URL
    assert Endpoint.objects.get().headers == {"Authorization": "Bearer abc", "X-New": "1"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": None}, "url"),
        ({"url": 7}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://user:pass@example.com/"}, "url"),
        ({"url": "https://example.com/" + "a" * 3000}, "url"),
        ({"url": "https://example.com/\0"}, "url"),
        ({"url": URL, "types": []}, "types"),
        ({"url": URL, "types": "message"}, "types"),
        ({"url": URL, "types": ["nonsense"]}, "types"),
        ({"url": URL, "types": [{}]}, "types"),
        ({"url": URL, "accounts": []}, "accounts"),
        ({"url": URL, "accounts": ["x"]}, "accounts"),
        ({"url": URL, "accounts": [str(uuid.uuid4())]}, "accounts"),
        ({"url": URL, "ignore_chats": []}, "ignore_chats"),
        ({"url": URL, "ignore_chats": {"jids": ["nobody"]}}, "ignore_chats"),
        ({"url": URL, "ignore_chats": {"groups": "maybe"}}, "ignore_chats"),
        ({"url": URL, "headers": {"Host": "evil"}}, "headers"),
        ({"url": URL, "headers": {"webhook-signature": "x"}}, "headers"),
        ({"url": URL, "headers": {"X-A": "a\r\nX-B: b"}}, "headers"),
        ({"url": URL, "headers": {"X A": "a"}}, "headers"),
        ({"url": URL, "headers": {"X-A": "ä"}}, "headers"),
        ({"url": URL, "headers": {"X-A": "********"}}, "headers"),
        ({"url": URL, "headers": {f"X-{i}": "a" for i in range(21)}}, "headers"),
        ({"url": URL, "order": "random"}, "order"),
        ({"url": URL, "concurrency": 0}, "concurrency"),
        ({"url": URL, "concurrency": 51}, "concurrency"),
        ({"url": URL, "description": "x" * 201}, "description"),
        ({"url": URL, "secret": "garbage"}, "secret"),
        ({"url": URL, "secret": "whsec_short"}, "secret"),
        ({"url": URL, "secret": "whsec_!"}, "secret"),
    ],
)
def test_wrong_input_is_named(api, body, field):
    answer = api.post("/api/v1/webhooks", body)

    assert 400 <= answer.status_code < 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert any(name.startswith(field) for name in answer.json()["errors"]), answer.json()
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://a.local/",
    ],
)
def test_private_addresses_are_refused_at_creation_and_change(api, settings, url):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    made = api.post("/api/v1/webhooks", {"url": "https://93.184.216.34/"}).json()

    for answer in (
        api.post("/api/v1/webhooks", {"url": url}),
        api.patch(f"/api/v1/webhooks/{made['id']}", {"url": url}),
    ):
        assert answer.status_code == 400
        assert "url" in answer.json()["errors"]


def test_a_name_that_leads_inside_is_refused_at_creation(api, settings, monkeypatch):
    from webhooks import lookups

    settings.WEBHOOK_ALLOW_PRIVATE = False
    monkeypatch.setattr(lookups, "_addresses", lambda host, port: ["93.184.216.34", "10.0.0.5"])
    answer = api.post("/api/v1/webhooks", {"url": URL})

    assert "10.0.0.5" in answer.json()["errors"]["url"][0]


def test_an_own_secret_can_be_brought_along(api):
    secret = "whsec_" + "QUJD" * 12
    made = api.post("/api/v1/webhooks", {"url": URL, "secret": secret}).json()

    assert made["secret"] == secret


def test_rotation(api, workspace):
    hook = endpoint(workspace)
    rotated = api.post(f"/api/v1/webhooks/{hook.pk}/rotate-secret", {"overlap_hours": 1}).json()

    hook.refresh_from_db()
    assert hook.secrets_at(timezone.now()) == [rotated["secret"], hook.secret]
    assert hook.secrets_at(timezone.now() + timedelta(hours=2)) == [rotated["secret"]]
    assert api.post(f"/api/v1/webhooks/{hook.pk}/rotate-secret").status_code == 200
    bad = api.post(f"/api/v1/webhooks/{hook.pk}/rotate-secret", {"secret": "garbage"})
    assert "secret" in bad.json()["errors"]


@pytest.mark.django_db(transaction=True)
def test_a_test_event_is_signed_and_its_outcome_told(api, workspace):
    with Receiver(status(202, b"thanks")) as server:
        hook = endpoint(workspace, server.url, types=["session.status"])
        other = endpoint(workspace, server.url)
        answer = api.post(f"/api/v1/webhooks/{hook.pk}/test")
        hook_off = endpoint(workspace, server.url)
        api.post(f"/api/v1/webhooks/{hook_off.pk}/disable")
        off = api.post(f"/api/v1/webhooks/{hook_off.pk}/test").json()

    delivery = answer.json()
    assert (answer.status_code, delivery["status"], delivery["type"]) == (
        200,
        "delivered",
        "webhook.test",
    )
    assert [(a["status_code"], a["answer"]) for a in delivery["attempts"]] == [(202, "thanks")]
    assert off["status"] == "delivered"
    Webhook(hook.secret).verify(server.received[0].body, server.received[0].headers)
    assert not Delivery.objects.filter(endpoint=other, type="webhook.test").exists()


@pytest.mark.django_db(transaction=True)
def test_a_test_that_fails_is_not_tried_again(api, workspace):
    with Receiver(status(500)) as server:
        hook = endpoint(workspace, server.url)
        answer = api.post(f"/api/v1/webhooks/{hook.pk}/test").json()

    assert (answer["status"], answer["attempts"][0]["status_code"]) == ("dead", 500)


def test_enable_and_disable_say_why_and_are_idempotent(api, workspace):
    hook = endpoint(workspace)
    for _ in range(2):
        off = api.post(f"/api/v1/webhooks/{hook.pk}/disable").json()
    assert (off["status"], off["disabled_reason"]["code"]) == ("disabled", "manual")
    for _ in range(2):
        on = api.post(f"/api/v1/webhooks/{hook.pk}/enable").json()
    assert (on["status"], on["disabled_reason"], on["disabled_at"]) == ("active", None, None)
    assert AuditEntry.objects.filter(action="webhook.disabled").count() == 1
    assert AuditEntry.objects.filter(action="webhook.enabled").count() == 1


def test_deliveries_tell_every_attempt(api, workspace):
    account = AccountFactory(workspace=workspace)
    hook = endpoint(workspace, order="none")
    happen(workspace, 2, account_id=account.pk)
    end(Delivery.objects.filter(seq=1), ok=True)
    at = f"/api/v1/webhooks/{hook.pk}/deliveries"

    every = api.get(at).json()["results"]
    done = api.get(f"{at}?status=delivered").json()["results"]

    assert [d["seq"] for d in every] == [2, 1]
    assert [d["seq"] for d in done] == [1]
    [attempt] = done[0]["attempts"]
    assert (attempt["status_code"], attempt["duration_ms"], attempt["answer"]) == (200, 7, "hi")
    assert done[0]["account_id"] == str(account.pk)
    assert every[0]["next_attempt_at"]
    assert api.get(f"/api/v1/deliveries/{done[0]['id']}").json() == done[0]
    for query, count in [("type=message", 2), ("type=call.offer", 0), (f"account={account.pk}", 2)]:
        assert len(api.get(f"{at}?{query}").json()["results"]) == count
    for query in ("status=x", "type=x", "account=x"):
        assert 400 <= api.get(f"{at}?{query}").status_code < 500, query


def test_one_delivery_is_retried(api, workspace):
    endpoint(workspace)
    happen(workspace)
    end(Delivery.objects.all(), ok=True)
    row = Delivery.objects.get()
    answer = api.post(f"/api/v1/deliveries/{row.pk}/retry")

    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert len(answer.json()["attempts"]) == 1
    row.refresh_from_db()
    assert row.due_at <= timezone.now()


def test_a_replay_is_previewed_started_and_followed(api, workspace):
    happen(workspace, 3)
    hook = endpoint(workspace, types=["message"], order="none")
    happen(workspace, 2)
    happen(workspace, 2, kind="session.status")
    end(Delivery.objects.all(), ok=True)
    at = f"/api/v1/webhooks/{hook.pk}/replay"

    assert api.post(at, {"preview": True}).json() == {"count": 5}
    assert api.post(at, {"preview": True, "status": "delivered"}).json() == {"count": 2}
    assert api.post(at, {"preview": True, "after_seq": 2, "until_seq": 4}).json() == {"count": 2}
    assert api.post(at, {"preview": True, "types": ["session.status"]}).json() == {"count": 0}
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    assert api.post(at, {"preview": True, "after_time": later}).json() == {"count": 0}
    started = api.post(at, {"after_seq": 1})
    assert (started.status_code, started.json()["total"], started.json()["queued"]) == (202, 4, 0)
    while replays.advance(timezone.now()):
        pass
    follow = f"/api/v1/webhooks/{hook.pk}/replays/{started.json()['id']}"
    queued = api.get(follow).json()
    assert (queued["queued"], queued["pending"], queued["done"]) == (4, 4, False)
    end(Delivery.objects.all(), ok=True)
    done = api.get(follow).json()
    assert (done["delivered"], done["pending"], done["done"]) == (4, 0, True)


def test_a_replay_of_many_goes_in_steps(api, workspace, monkeypatch):
    monkeypatch.setattr(replays, "STEP", 4)
    hook = endpoint(workspace)
    happen(workspace, 10)
    Delivery.objects.update(status="dead")
    api.post(f"/api/v1/webhooks/{hook.pk}/replay", {"status": "dead"})

    assert [replays.advance(timezone.now()) for _ in range(4)] == [True, True, True, False]
    assert Delivery.objects.filter(status="pending").count() == 10


@pytest.mark.parametrize(
    "body",
    [
        {"after_seq": -1},
        {"after_seq": "x"},
        {"after_seq": 5, "until_seq": 5},
        {"after_seq": 10**30},
        {"types": ["x"]},
        {"status": "lost"},
        {"after_time": "yesterday"},
        {"after_time": "2026-01-02T00:00:00Z", "until_time": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_wrong_replay_is_named(api, workspace, body):
    answer = api.post(f"/api/v1/webhooks/{endpoint(workspace).pk}/replay", body)

    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_deleted_is_gone(api, workspace):
    hook = endpoint(workspace)
    happen(workspace)
    row = Delivery.objects.get()

    assert api.delete(f"/api/v1/webhooks/{hook.pk}").status_code == 204
    assert api.get(f"/api/v1/webhooks/{hook.pk}").status_code == 404
    assert api.get(f"/api/v1/deliveries/{row.pk}").status_code == 404
    assert api.get("/api/v1/webhooks").json()["results"] == []
    happen(workspace)
    assert Delivery.objects.count() == 1
    assert ledger.turn(claim="w", at=timezone.now() + timedelta(seconds=1)) == []


def test_an_outsider_finds_nothing(workspace):
    hook = endpoint(workspace)
    happen(workspace)
    row = Delivery.objects.get()
    replay = replays.start(endpoint=hook, wanted=replays.Criteria(), actor="x")
    outsider = APIClient()
    outsider.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key(WorkspaceFactory())}")

    at = f"/api/v1/webhooks/{hook.pk}"
    for verb in ("rotate-secret", "test", "enable", "disable", "replay"):
        assert outsider.post(f"{at}/{verb}").status_code == 404, verb
    for path in (
        at,
        f"{at}/deliveries",
        f"{at}/replays/{replay.pk}",
        f"/api/v1/deliveries/{row.pk}",
    ):
        assert outsider.get(path).status_code == 404, path
    assert outsider.patch(at, {"url": URL}).status_code == 404
    assert outsider.delete(at).status_code == 404
    assert outsider.post(f"/api/v1/deliveries/{row.pk}/retry").status_code == 404
    assert outsider.get("/api/v1/webhooks").json()["results"] == []


def test_a_key_that_may_only_read_changes_nothing(workspace):
    hook = endpoint(workspace)
    reader = APIClient()
    reader.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key(workspace, scopes=('read',))}")

    assert reader.get("/api/v1/webhooks").status_code == 200
    assert reader.post("/api/v1/webhooks", {"url": URL}).status_code == 403
    for verb in ("rotate-secret", "test", "enable", "disable", "replay"):
        assert reader.post(f"/api/v1/webhooks/{hook.pk}/{verb}").status_code == 403


def test_a_workspace_has_a_limit(api, workspace, monkeypatch):
    from webhooks import services

    monkeypatch.setattr(services, "MAX_ENDPOINTS", 1)
    assert api.post("/api/v1/webhooks", {"url": URL}).status_code == 201
    refused = api.post("/api/v1/webhooks", {"url": URL})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_webhooks")


def test_retention_forgets_what_is_done_and_keeps_what_waits(workspace, settings):
    from webhooks.retention import forget_old

    hook = endpoint(workspace, order="none")
    happen(workspace, 2)
    end(Delivery.objects.filter(seq=1), ok=True)
    later = timezone.now() + timedelta(days=settings.WEBHOOK_RETENTION_DAYS + 1)

    assert forget_old(later) == 1
    assert [d.seq for d in Delivery.objects.filter(endpoint=hook)] == [2]
    assert event_log.forget_before(workspace_id=workspace.pk, at=later) == 1
    Endpoint.objects.filter(pk=hook.pk).update(disabled_at=timezone.now())
    assert event_log.forget_before(workspace_id=workspace.pk, at=later) >= 1
    assert not Delivery.objects.exists()
