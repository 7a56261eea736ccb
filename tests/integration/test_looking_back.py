"""A search among all messages: bounded in time, and what it could not look at it says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from console import looking_back
from console.looking_back import BEGINNING, look_back
from messaging.models import Message
from tests.factories import AccountFactory, MessageFactory, UserFactory, WorkspaceFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db


class Clock:
    """Each look at it takes `step` seconds."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def person():
    return UserFactory()


@pytest.fixture
def account(person):
    return AccountFactory(workspace=WorkspaceFactory(members=[person]), connected=True)


def said(account, *days_ago: float) -> list[Message]:
    now = timezone.now()
    return [
        MessageFactory(account=account, text="needle", timestamp=now - timedelta(days=days))
        for days in days_ago
    ]


def test_the_newest_come_first_however_far_apart_they_are(account):
    made = said(account, -2, 0.1, 3, 40, 400, 3000)
    made += [MessageFactory(account=account, timestamp=BEGINNING - timedelta(days=9))]
    sight = look_back(Message.objects.all(), enough=9, clock=Clock(0.0))
    assert (sight.messages, sight.reached) == (made, None)


def test_it_ends_where_enough_is_found(account):
    made = said(account, 1, 2, 3, 400)
    sight = look_back(Message.objects.all(), enough=3, clock=Clock(0.0))
    assert (sight.messages, sight.reached) == (made[:3], None)


def test_quick_spans_grow_so_that_years_take_few_queries(account):
    with CaptureQueriesContext(connection) as queries:
        look_back(Message.objects.all(), enough=9, clock=Clock(0.001))
    assert len(queries) < 10


def test_slow_spans_shrink_and_the_search_ends_when_its_time_is_over(account):
    said(account, 0.5, 2000)
    with CaptureQueriesContext(connection) as queries:
        sight = look_back(Message.objects.all(), enough=9, clock=Clock(0.2))
    assert len(sight.messages) == 1
    assert sight.reached is not None
    assert len(queries) <= 1 + looking_back.PATIENCE / 0.2


def test_where_one_search_ended_the_next_goes_on_without_gap_or_double(account):
    made = said(account, *(day / 2 for day in range(30)))
    found, before = [], None
    for _ in range(100):
        sight = look_back(Message.objects.all(), enough=99, before=before, clock=Clock(0.6))
        found += sight.messages
        before = sight.reached
        if before is None:
            break
    assert found == made


def test_no_older_than_asked_for(account):
    made = said(account, 1, 89, 91)
    since = timezone.now() - timedelta(days=90)
    sight = look_back(Message.objects.all(), enough=9, since=since, clock=Clock(0.0))
    assert (sight.messages, sight.reached) == (made[:2], None)


@pytest.mark.parametrize("year", [1, 1999, 2009, 9999])
def test_moments_beyond_all_measure_break_nothing(account, year):
    [message] = said(account, 5)
    before = datetime(year, 1, 1, tzinfo=UTC)
    found = look_back(Message.objects.all(), enough=9, before=before, clock=Clock(0.0)).messages
    assert found == ([message] if year == 9999 else [])


def test_the_page_says_how_far_it_looked_and_leads_on(client, person, account, monkeypatch):
    client.force_login(person)
    said(account, 300)
    monkeypatch.setattr(looking_back, "PATIENCE", 0.0)
    place = reverse("console:search", args=[account.workspace_id])
    page = client.get(place, {"q": "needle", "all": "1"}).content.decode()
    assert "There was no time for more." in text_of(page)
    assert "Looked at all messages" not in page
    monkeypatch.setattr(looking_back, "PATIENCE", 10.0)
    [way] = re.findall(r'href="([^"]*before=[^"]*)"', page)
    page = client.get(way.replace("&amp;", "&")).content.decode()
    assert "<mark>needle</mark>" in page
    assert "Looked at all messages" in page


@pytest.mark.parametrize("before", ["", "nonsense", "2024-13-01T00:00:00Z", "2024-01-01T00:00"])
def test_where_to_go_on_may_be_nonsense(client, person, account, before):
    client.force_login(person)
    said(account, 300)
    place = reverse("console:search", args=[account.workspace_id])
    page = client.get(place, {"q": "needle", "all": "1", "before": before})
    assert "<mark>needle</mark>" in page.content.decode()
