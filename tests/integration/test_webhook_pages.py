"""The webhook pages: what they say, what the buttons do, and who may press them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from events import services as event_log
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory, endpoint
from tests.pages import text_of
from tests.receiver import Receiver, status
from webhooks import ledger, services
from webhooks.models import Delivery, Endpoint, Replay
from webhooks.sender import Outcome

pytestmark = pytest.mark.django_db
FORM = {"url": "https://hooks.example.com/in", "order": "account", "concurrency": "10"}


@pytest.fixture
def home(client):
    owner = UserFactory()
    client.force_login(owner)
    return WorkspaceFactory(members=[owner])


def at(name, workspace, hook=None, **more):
    known = {"workspace_id": workspace.pk, **more}
    if hook is not None:
        known["webhook_id"] = hook.pk
    return reverse(f"console:{name}", kwargs=known)


def happen(workspace, n=1):
    for i in range(n):
        event_log.append(workspace_id=workspace.pk, type="message", data={"text": f"<b>{i}</b>"})


def work(*, ok, answer="", error=""):
    now = timezone.now() + timedelta(seconds=1)
    outcome = Outcome(
        ok=ok,
        at=now.timestamp(),
        duration_ms=12,
        status_code=200 if ok else 500,
        error=error,
        answer=answer,
    )
    taken = ledger.turn(claim="w", at=now)
    ledger.record(claim="w", at=now, reports=[ledger.Report(c, outcome) for c in taken])


def test_the_empty_page_teaches_the_first_step(client, home):
    page = text_of(client.get(at("webhooks", home)))
    assert "Add the first webhook" in page
    assert "curl -X POST" in page


def test_a_webhook_is_made_and_its_secret_shown_once(client, home):
    account = AccountFactory(workspace=home)
    wanted = FORM | {"types": ["message"], "accounts": [str(account.pk)], "ignore_groups": "on"}
    answer = client.post(at("webhooks-add", home), wanted)
    secret = re.search(r'id="webhook-secret">([^<]+)<', answer.content.decode()).group(1)
    hook = Endpoint.objects.get()

    assert hook.secrets_at(timezone.now()) == [secret.replace("&#x2B;", "+")]
    assert (hook.types, hook.accounts) == (["message"], [str(account.pk)])
    assert hook.ignore_chats["groups"] is True
    assert "no-store" in answer.headers["Cache-Control"]
    assert secret not in client.get(at("webhook", home, hook)).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": ""},
        {"url": "ftp://x.example/"},
        {"concurrency": "0"},
        {"order": "x"},
        {"types": ["x"]},
        {"accounts": ["x"]},
    ],
)
def test_what_is_wrong_is_said_at_the_field(client, home, wrong):
    answer = client.post(at("webhooks-add", home), FORM | wrong)
    assert "field-error" in answer.content.decode()
    assert not Endpoint.objects.exists()


def test_another_workspaces_number_cannot_be_chosen(client, home):
    foreign = AccountFactory()
    client.post(at("webhooks-add", home), FORM | {"accounts": [str(foreign.pk)]})
    assert not Endpoint.objects.exists()


def test_editing_keeps_what_the_form_does_not_show(client, home):
    hook = endpoint(home, headers={"X-A": "1"}, ignore_chats={"jids": ["1@g.us"]})
    client.post(at("webhook-edit", home, hook), FORM | {"url": "https://new.example.com/"})
    hook.refresh_from_db()
    assert hook.url == "https://new.example.com/"
    assert hook.headers == {"X-A": "1"}
    assert hook.ignore_chats["jids"] == ["1@g.us"]


def test_the_page_says_how_it_goes(client, home):
    hook = endpoint(home, order="none")
    happen(home, 3)
    work(ok=True, answer="<script>alert(1)</script>")
    page = text_of(client.get(at("webhook", home, hook)))
    assert "Delivering" in page
    assert "3 (100.0 %)" in page
    assert "12 ms" in page
    row = Delivery.objects.first()
    shown = client.get(at("webhook-delivery", home, hook, delivery_id=row.pk)).content.decode()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert" in shown
    listed = text_of(client.get(at("webhooks", home)))
    assert "100.0 %" in listed


def test_failure_pause_and_disabling_are_explained(client, home):
    hook = endpoint(home, order="none", concurrency=20)
    happen(home)
    work(ok=False, error="answered 500")
    assert "The last attempt failed: answered 500" in text_of(client.get(at("webhook", home, hook)))
    happen(home, 19)
    work(ok=False, error="answered 500")
    page = text_of(client.get(at("webhook", home, hook)))
    assert "20 attempts failed in a row" in page
    assert "Nothing is lost" in page
    client.post(at("webhook-enable", home, hook))
    client.post(at("webhook-disable", home, hook))
    assert "Disabled by" in text_of(client.get(at("webhook", home, hook)))
    services.enable(endpoint=hook, actor="x")
    services.disable(endpoint=hook, code="gone", message="It answered 410.", actor="system")
    assert "It answered 410." in text_of(client.get(at("webhook", home, hook)))


def test_what_waits_says_for_what(client, home):
    """A time that has passed is no answer to "when"."""
    hook = endpoint(home, order="none", concurrency=20)
    happen(home)
    page = client.get(at("webhook", home, hook)).content.decode()
    assert "in its turn" in page
    work(ok=False, error="answered 500")
    row = Delivery.objects.get(endpoint=hook)
    assert row.due_at > timezone.now()
    page = client.get(at("webhook", home, hook)).content.decode()
    assert f'datetime="{row.due_at.isoformat()[:19]}' in page
    happen(home, 19)
    work(ok=False, error="answered 500")
    assert "as soon as it answers" in text_of(client.get(at("webhook", home, hook)))
    one = at("webhook-delivery", home, hook, delivery_id=row.pk)
    assert "next attempt as soon as it answers" in text_of(client.get(one))
    client.post(at("webhook-disable", home, hook))
    assert "when the webhook is enabled" in text_of(client.get(at("webhook", home, hook)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("code", "words"), [(204, "was taken: 204"), (500, "was not taken: answered 500")]
)
def test_a_test_event_tells_how_it_went(client, home, code, words):
    with Receiver(status(code)) as server:
        hook = endpoint(home, server.url)
        whole = client.post(at("webhook-test", home, hook), follow=True)
    assert words in text_of(whole)


def test_a_new_secret_is_asked_for_and_shown_once(client, home):
    hook = endpoint(home)
    assert "Make a new secret?" in text_of(client.get(at("webhook-rotate", home, hook)))
    answer = client.post(at("webhook-rotate", home, hook))
    hook.refresh_from_db()
    assert len(hook.secrets_at(timezone.now())) == 2
    assert "no-store" in answer.headers["Cache-Control"]


def test_deleting_is_asked_for(client, home):
    hook = endpoint(home)
    assert "Delete this webhook?" in text_of(client.get(at("webhook-delete", home, hook)))
    assert client.post(at("webhook-delete", home, hook)).url == at("webhooks", home)
    assert client.get(at("webhook", home, hook)).status_code == 404


def test_a_replay_is_counted_first(client, home):
    hook = endpoint(home)
    happen(home, 3)
    page = client.post(at("webhook-replay", home, hook), {"after_seq": "1"})
    assert "2 events would be delivered" in text_of(page)
    assert not Replay.objects.exists()
    client.post(at("webhook-replay", home, hook), {"after_seq": "1", "start": "1"})
    assert Replay.objects.get().total == 2
    assert "Replay of 2 deliveries" in text_of(client.get(at("webhook", home, hook)))
    wrong = client.post(at("webhook-replay", home, hook), {"after_seq": "5", "until_seq": "2"})
    assert "field-error" in wrong.content.decode()


def test_one_delivery_is_sent_again(client, home):
    hook = endpoint(home)
    happen(home)
    work(ok=True)
    row = Delivery.objects.get()
    client.post(at("webhook-retry", home, hook, delivery_id=row.pk))
    row.refresh_from_db()
    assert row.status == "pending"


@pytest.mark.parametrize("query", ["?status=x", "?before=x", "?before=-1", "?status=%00"])
def test_odd_queries_are_pages_too(client, home, query):
    hook = endpoint(home)
    assert client.get(at("webhook", home, hook) + query).status_code == 200


def test_deliveries_come_in_pages(client, home):
    hook = endpoint(home, order="none")
    happen(home, 55)
    page = client.get(at("webhook", home, hook)).content.decode()
    assert "before=6" in page
    assert client.get(at("webhook", home, hook) + "?before=6").content.decode().count("<tr>") == 6


@pytest.mark.parametrize(("role", "may_change"), [("operator", False), ("admin", True)])
def test_changing_needs_an_admin_and_pressing_an_operator(client, home, role, may_change):
    person = UserFactory()
    home.memberships.create(user=person, role=Role(role))
    client.force_login(person)
    hook = endpoint(home)
    for name in ("webhook-edit", "webhook-rotate", "webhook-delete"):
        assert (client.get(at(name, home, hook)).status_code == 200) is may_change, name
    assert client.post(at("webhook-disable", home, hook)).status_code == 302


def test_the_figures_of_prometheus(client, home):
    from prometheus_client import CollectorRegistry, generate_latest

    from webhooks.metrics import WebhookCollector

    endpoint(home)
    happen(home, 2)
    registry = CollectorRegistry()
    registry.register(WebhookCollector())
    told = generate_latest(registry).decode()
    assert 'switchboard_webhook_deliveries{status="pending"} 2.0' in told
    assert 'switchboard_webhook_endpoints{status="active"} 1.0' in told
    assert str(home.pk) not in told
