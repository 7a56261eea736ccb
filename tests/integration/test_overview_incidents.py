"""What the overview tells of the last day, and the figures of the list of numbers."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console import incidents
from console.failing import failing_webhooks
from events import services as event_log
from sessions_mgr import commands
from sessions_mgr.models import StatusChange
from tests.factories import (
    AccountFactory,
    MessageFactory,
    UserFactory,
    WorkspaceFactory,
    endpoint,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(client):
    person = UserFactory()
    client.force_login(person)
    return WorkspaceFactory(members=[person])


@pytest.fixture
def number(home):
    return AccountFactory(workspace=home, connected=True, label="Desk")


def words(home):
    return [str(incident.face.words) for incident in incidents.of(home)]


def test_a_quiet_day_says_so(client, home, number):
    MessageFactory(account=number)
    assert incidents.of(home) == []
    page = client.get(reverse("console:overview", args=[home.pk])).content.decode()
    assert "None. No number failed" in page


def test_crashes_gaps_unsent_messages_and_webhooks_are_told(client, home, number):
    StatusChange.objects.create(
        account=number,
        from_status="connected",
        to_status="starting",
        reason_code="worker_crashed",
        reason_message="It ended.",
        epoch=1,
    )
    event_log.append(
        workspace_id=home.pk, account_id=number.pk, type="message.gap", data={"wa_id": None}
    )
    for status in ("failed", "unknown"):
        MessageFactory(account=number, direction="out", status=status)
    hook = endpoint(home, description="CRM")
    type(hook).objects.filter(pk=hook.pk).update(failures=3, last_error="500")
    assert set(words(home)) == {"Crashed", "Message lost", "Not sent"}
    page = client.get(reverse("console:overview", args=[home.pk])).content.decode()
    for sentence in ("It ended.", "2 messages failed", "a message of that moment may be missing"):
        assert sentence in page


def test_webhooks_that_fail_say_why_since_when_and_how_much_waits(client, home, number):
    good, bad = endpoint(home, description="CRM"), endpoint(home, description="Old helpdesk")
    since = timezone.now() - timedelta(hours=2)
    type(bad).objects.filter(pk=bad.pk).update(
        failures=3, last_error="answered 500", failing_since=since
    )
    for _ in range(2):
        event_log.append(workspace_id=home.pk, account_id=number.pk, type="message", data={})
    outsider = endpoint(WorkspaceFactory(), description="Foreign")
    type(outsider).objects.filter(pk=outsider.pk).update(failures=9)

    [item] = failing_webhooks(home)

    assert (item.endpoint, item.waiting, str(item.look.words)) == (bad, 2, "Fails")
    page = client.get(reverse("console:overview", args=[home.pk])).content.decode()
    for text in ("Old helpdesk", "answered 500", "2 deliveries wait"):
        assert text in page
    assert "Foreign" not in page
    type(bad).objects.filter(pk=bad.pk).update(failures=0)
    page = client.get(reverse("console:overview", args=[home.pk])).content.decode()
    assert "All 2 webhooks take what they are told." in page
    assert good.description not in page


def test_without_a_webhook_the_overview_offers_one(client, home, number):
    page = client.get(reverse("console:overview", args=[home.pk])).content.decode()
    assert "Nobody is told what happens." in page


def test_the_plot_is_also_a_table(client, home, number):
    MessageFactory(account=number)
    page = client.get(reverse("console:overview", args=[home.pk])).content.decode()
    assert "1 an hour" in page
    assert page.count('<th scope="row">') == 24


def test_what_is_older_or_somebody_elses_is_not_told(home, number):
    MessageFactory(
        account=number,
        direction="out",
        status="failed",
        timestamp=timezone.now() - timedelta(days=2),
    )
    MessageFactory(direction="out", status="failed")
    assert incidents.of(home) == []


def test_the_list_counts_today_and_asks_workers_for_their_memory(client, home, number, monkeypatch):
    MessageFactory(account=number)
    MessageFactory(account=number)
    MessageFactory(account=number, direction="out", status="sent")
    MessageFactory(account=number, history=True)
    AccountFactory(workspace=home)
    page = client.get(reverse("console:numbers", args=[home.pk])).content.decode()
    assert "2 in, 1 out" in page
    monkeypatch.setattr(commands, "ask", lambda account, *rest: {"rss_bytes": 96 * 2**20})
    query = re.search(r'hx-get="([^"]*numbers/memory[^"]*)"', page)[1].replace("&amp;", "&")
    cells = client.get(query).content.decode()
    assert cells.count("96.0 MB") == 1  # the other number has no worker
    assert cells.count("hx-swap-oob") == 2
