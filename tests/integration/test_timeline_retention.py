"""What only grew: the timeline, worker exits, mails, sign-ins, invitations, days of usage."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session as SignIn
from django.test import Client
from django.utils import timezone

from accounts import invitations
from accounts import retention as people_retention
from accounts.models import DailyUsage, Invitation
from config.retention import forget_old
from sessions_mgr import retention
from sessions_mgr.models import Notice, StatusChange, WorkerExit
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory, api_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def old(now, settings):
    settings.TIMELINE_RETENTION_DAYS = 100
    return now - timedelta(days=101)


def change(account, at, to="connected", reason=""):
    return StatusChange.objects.create(
        account=account, at=at, from_status="starting", to_status=to, reason_code=reason, epoch=1
    )


def died(account, at, cause="SIGKILL"):
    return WorkerExit.objects.create(account=account, at=at, epoch=1, node="one", cause=cause)


def told(metric: str) -> list[str]:
    lines = Client().get("/metrics").content.decode().splitlines()
    return sorted(line for line in lines if line.startswith(metric + "{"))


def test_old_changes_go_but_the_latest_of_each_number_stays(now, old):
    busy, idle = AccountFactory(), AccountFactory()
    change(busy, old)
    kept = [change(busy, now)]
    change(idle, old - timedelta(days=3))
    change(idle, old)  # at the same moment as the next: the one written later counts
    kept.append(change(idle, old))
    died(busy, old)
    end = died(busy, now)
    forget_old()
    assert set(StatusChange.objects.all()) == set(kept)
    assert list(WorkerExit.objects.all()) == [end]


def test_more_than_a_batch_goes_in_one_turn(now, old, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    account = AccountFactory()
    for n in range(7):
        change(account, old - timedelta(hours=n))
    assert retention.forget_timeline(now) == 6
    assert retention.forget_timeline(now) == 0


def test_counters_do_not_go_back_when_rows_go(now, old):
    account = AccountFactory()
    for at in (old - timedelta(days=1), old, now):
        change(account, at, "reconnecting", "line_lost")
        change(account, at, "connected")
        died(account, at)
    change(account, old, "reconnecting")
    died(account, old, "hung")
    exits, lost = told("switchboard_worker_exits_total"), told("switchboard_reconnects_total")
    assert exits == [
        'switchboard_worker_exits_total{cause="SIGKILL"} 3.0',
        'switchboard_worker_exits_total{cause="hung"} 1.0',
    ]
    assert retention.forget_timeline(now - timedelta(days=1, hours=12)) == 3
    assert retention.forget_timeline(now) == 5
    assert told("switchboard_worker_exits_total") == exits
    assert told("switchboard_reconnects_total") == lost
    died(account, now, "hung")
    assert told("switchboard_worker_exits_total")[1].endswith(" 2.0")


def test_the_timeline_of_a_quiet_number_still_says_how_it_came_to_be_so(now, old):
    workspace = WorkspaceFactory(members=[owner := UserFactory()])
    account = AccountFactory(workspace=workspace)
    change(account, old - timedelta(days=1))
    change(account, old, "logged_out", "unlinked_by_phone")
    forget_old()
    key = {"X-Api-Key": api_key(workspace)}
    answer = Client().get(f"/api/v1/accounts/{account.pk}/timeline", headers=key).json()
    assert [row["reason"]["code"] for row in answer["results"]] == ["unlinked_by_phone"]
    browser = Client()
    browser.force_login(owner)
    for page in ("", "timeline", "health"):
        path = f"/workspaces/{workspace.pk}/numbers/{account.pk}/{page}"
        assert browser.get(path).status_code == 200, path


def test_mails_that_are_done_with_go_and_others_wait(now):
    long_ago = now - retention.NOTICES_KEPT - timedelta(days=1)
    account = AccountFactory()

    def notice(**fields):
        return Notice.objects.create(
            workspace=account.workspace, account_id=account.pk, label="x", status="failed",
            **{"at": long_ago} | fields,
        )  # fmt: skip

    notice(sent_at=long_ago)
    notice(given_up="nobody wants mail any more")
    kept = {notice(), notice(sent_at=now), notice(at=now, given_up="late"), notice(at=now)}
    forget_old()
    assert set(Notice.objects.all()) == kept


def test_expired_sign_ins_go_with_what_describes_them(now):
    browsers = [Client(), Client()]
    for browser in browsers:
        browser.force_login(owner := UserFactory())
        browser.get(f"/workspaces/{WorkspaceFactory(members=[owner]).pk}/numbers/")
    assert UserSession.objects.count() == 2
    gone, stays = (browser.session.session_key for browser in browsers)
    SignIn.objects.filter(pk=gone).update(expire_date=now - timedelta(days=1))
    people_retention.forget_sign_ins(now)
    assert [row.pk for row in SignIn.objects.all()] == [stays]
    assert UserSession.objects.count() == 2  # the session of a new one may not be written yet
    UserSession.objects.update(last_seen_at=now - timedelta(days=15))
    forget_old()
    assert [row.session_key for row in UserSession.objects.all()] == [stays]


def test_invitations_and_days_of_long_ago_go(now):
    workspace = WorkspaceFactory()
    made = [
        invitations.create(workspace=workspace, role="viewer", by="owner", actor="test")[0]
        for _ in range(2)
    ]
    Invitation.objects.filter(pk=made[0].pk).update(expires_at=now - timedelta(days=91))
    for days in (0, 399, 401):
        day = (now - timedelta(days=days)).date()
        DailyUsage.objects.create(workspace=workspace, day=day, messages=1)
    forget_old()
    assert [row.pk for row in Invitation.objects.all()] == [made[1].pk]
    assert DailyUsage.objects.count() == 2
