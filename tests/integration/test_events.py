"""The event log by cursor, over services and REST."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from events import services as event_log
from events.models import Event
from tests.factories import AccountFactory, WorkspaceFactory
from tests.life import connected_account, start

pytestmark = pytest.mark.django_db


def write(workspace, n, **fields):
    return [
        event_log.append(workspace_id=workspace.pk, type="message", data={"n": i}, **fields)
        for i in range(n)
    ]


def test_seq_counts_from_one_in_each_workspace(workspace):
    write(workspace, 3)
    write(WorkspaceFactory(), 2)

    assert [e.seq for e in Event.objects.filter(workspace=workspace).order_by("seq")] == [1, 2, 3]


def test_a_reader_pages_through_everything_by_cursor(api, workspace):
    write(workspace, 5)

    first = api.get("/api/v1/events?after=0&limit=3").json()
    second = api.get(f"/api/v1/events?after={first['next_after']}&limit=3").json()
    third = api.get(f"/api/v1/events?after={second['next_after']}").json()

    assert [e["seq"] for e in first["results"] + second["results"]] == [1, 2, 3, 4, 5]
    assert third == {"results": [], "next_after": 5}


def test_the_envelope_is_the_contracts(api, workspace):
    account = AccountFactory(workspace=workspace)
    start(account)

    event = api.get("/api/v1/events").json()["results"][0]

    assert set(event) == {"id", "seq", "type", "account_id", "occurred_at", "recorded_at", "data"}
    assert event["id"].startswith("evt_") and len(event["id"]) == 30
    assert event["type"] == "session.status"
    assert event["data"] == {"status": "starting", "previous": "disconnected", "reason": None}
    assert event["occurred_at"].endswith("Z")


def test_filters_skip_and_the_cursor_passes_over_what_they_skip(api, workspace):
    write(workspace, 2)
    account = connected_account(workspace=workspace)

    by_type = api.get("/api/v1/events?types=session.status").json()
    by_account = api.get(f"/api/v1/events?account={account.pk}").json()
    nothing = api.get("/api/v1/events?types=chat.presence").json()

    assert {e["type"] for e in by_type["results"]} == {"session.status"}
    assert {e["account_id"] for e in by_account["results"]} == {str(account.pk)}
    assert nothing == {"results": [], "next_after": 4}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=99", "after"),
        ("after=99999999999999999999999", "after"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=nan", "limit"),
        ("wait=31", "wait"),
        ("types=nonsense", "types"),
        ("account=1", "account"),
    ],
)
def test_a_wrong_parameter_is_named(api, query, field):
    answer = api.get(f"/api/v1/events?{query}")

    assert answer.status_code == 422
    assert (
        answer.json()["field"] == field
        if "field" in answer.json()
        else field in answer.json()["detail"]
    )


def test_retention_makes_old_cursors_expire_honestly(api, workspace):
    write(workspace, 3)
    Event.objects.filter(seq__lte=2).update(recorded_at=timezone.now() - timedelta(days=40))
    event_log.forget_before(workspace_id=workspace.pk, at=timezone.now() - timedelta(days=30))

    old = api.get("/api/v1/events?after=1")
    fresh = api.get("/api/v1/events?after=2").json()

    assert (old.status_code, old.json()["code"], old.json()["oldest"]) == (410, "cursor_expired", 3)
    assert [e["seq"] for e in fresh["results"]] == [3]


def test_retention_forgets_bit_by_bit(workspace, monkeypatch):
    monkeypatch.setattr(event_log, "FORGOTTEN_AT_ONCE", 2)
    write(workspace, 6)
    Event.objects.filter(seq__lte=5).update(recorded_at=timezone.now() - timedelta(days=40))

    gone = event_log.forget_before(
        workspace_id=workspace.pk, at=timezone.now() - timedelta(days=30)
    )

    assert gone == 5
    assert [event.seq for event in Event.objects.all()] == [6]


def test_another_workspaces_events_are_never_seen(api):
    write(WorkspaceFactory(), 3)

    assert api.get("/api/v1/events").json() == {"results": [], "next_after": 0}


def test_a_long_poll_returns_at_the_deadline_with_nothing(api, workspace):
    assert api.get("/api/v1/events?wait=0.2").json()["results"] == []
