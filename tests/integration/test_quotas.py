"""What a workspace may use up: refused at the limit, exact under concurrency, told with figures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts import quotas
from accounts.models import AuditEntry, Role
from accounts.quotas import QuotaExceeded
from accounts.tenant_models import ApiMinute
from sessions_mgr import services
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory, api_key

pytestmark = pytest.mark.django_db


def allow(workspace, **limits):
    quotas.set_limits(workspace=workspace, actor="test", **limits)


def test_without_limits_nothing_is_refused_and_all_is_counted(workspace):
    quotas.check_numbers(workspace)
    quotas.take_message(workspace, 5)
    quotas.check_media(workspace, 10**9)
    quotas.check_rate(workspace)
    assert quotas.usage(workspace) == {
        "numbers": {"limit": None, "used": 0},
        "messages_per_day": {"limit": None, "used": 5},
        "media_bytes": {"limit": None, "used": 10**9},
        "api_requests_per_minute": {"limit": None, "used": 0},
    }


def test_one_number_too_many_is_refused_with_figures(api, workspace):
    allow(workspace, numbers=1)
    assert api.post("/api/v1/accounts", {"label": "first"}).status_code == 201
    answer = api.post("/api/v1/accounts", {"label": "second"})
    problem = answer.json()
    assert answer.status_code == 403
    assert problem["code"] == "quota_exceeded"
    assert (problem["quota"], problem["limit"], problem["used"]) == ("numbers", 1, 1)
    assert answer["Content-Type"] == "application/problem+json"


def test_a_deleted_number_makes_room(api, workspace):
    allow(workspace, numbers=1)
    first = api.post("/api/v1/accounts", {"label": "first"}).json()["id"]
    api.delete(f"/api/v1/accounts/{first}")
    assert api.post("/api/v1/accounts", {"label": "second"}).status_code == 201


def test_the_page_says_why_no_number_can_be_added(workspace):
    user = UserFactory()
    workspace.memberships.create(user=user, role=Role.OWNER)
    browser = Client()
    browser.force_login(user)
    allow(workspace, numbers=0)
    answer = browser.post(f"/workspaces/{workspace.pk}/numbers/new", {"label": "x"})
    assert answer.status_code == 403
    assert b"may have 0 numbers" in answer.content


def test_messages_are_counted_by_the_day(workspace):
    allow(workspace, messages_per_day=3)
    quotas.take_message(workspace, 2)
    with pytest.raises(QuotaExceeded) as refused:
        quotas.take_message(workspace, 2)
    exc = refused.value
    assert (exc.status, exc.limit, exc.used) == (429, 3, 2)
    assert 0 < exc.retry_after <= 86_400
    quotas.take_message(workspace)
    yesterday = timezone.now().date() - timedelta(days=1)
    workspace.daily_usage.update(day=yesterday)
    quotas.take_message(workspace, 3)


@pytest.mark.parametrize(("limit", "count"), [(0, 1), (3, 4)])
def test_the_first_messages_of_a_day_are_held_to_the_limit_too(workspace, limit, count):
    allow(workspace, messages_per_day=limit)
    with pytest.raises(QuotaExceeded) as refused:
        quotas.take_message(workspace, count)
    assert (refused.value.limit, refused.value.used) == (limit, 0)
    assert quotas.usage(workspace)["messages_per_day"]["used"] == 0
    quotas.take_message(workspace, limit)
    assert quotas.usage(workspace)["messages_per_day"]["used"] == limit


def test_a_message_that_was_not_queued_is_given_back(workspace):
    allow(workspace, messages_per_day=1)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        quotas.take_message(workspace)
        _ = 1 / 0
    quotas.take_message(workspace)


def test_files_are_counted_and_given_back(workspace):
    allow(workspace, media_bytes=100)
    quotas.check_media(workspace, 60)
    with pytest.raises(QuotaExceeded) as refused:
        quotas.check_media(workspace, 41)
    assert (refused.value.status, refused.value.used) == (403, 60)
    with pytest.raises(QuotaExceeded):
        quotas.check_media(workspace, 101)
    quotas.give_back_media(workspace.pk, 30)
    quotas.check_media(workspace, 70)
    quotas.give_back_media(workspace.pk, 1000)
    assert quotas.media_of(workspace.pk) == 0
    quotas.recount_media(workspace.pk, 7)
    assert quotas.media_of(workspace.pk) == 7


def test_requests_are_limited_over_all_keys(workspace):
    allow(workspace, api_requests_per_minute=3)
    keys = [api_key(workspace), api_key(workspace)]
    answers = [
        Client().get("/api/v1/accounts", headers={"X-Api-Key": keys[n % 2]}) for n in range(8)
    ]
    refused = [a for a in answers if a.status_code == 429]
    assert len(refused) >= 2  # a minute may end in between
    problem = refused[0].json()
    assert (problem["code"], problem["quota"]) == ("quota_exceeded", "api_requests_per_minute")
    assert 0 < int(refused[0]["Retry-After"]) <= 60
    other = Client().get("/api/v1/accounts", headers={"X-Api-Key": api_key(WorkspaceFactory())})
    assert other.status_code == 200


def test_the_next_minute_begins_anew_and_one_that_is_over_does_not_come_back(workspace):
    allow(workspace, api_requests_per_minute=2)
    for _ in range(2):
        quotas.check_rate(workspace)
    assert quotas.usage(workspace)["api_requests_per_minute"] == {"limit": 2, "used": 2}
    with pytest.raises(QuotaExceeded) as refused:
        quotas.check_rate(workspace)
    assert (refused.value.limit, refused.value.used) == (2, 2)
    ApiMinute.objects.update(minute=F("minute") - 1)
    assert quotas.usage(workspace)["api_requests_per_minute"]["used"] == 0
    quotas.check_rate(workspace)
    # Another process whose clock is ahead: its minute counts.
    ApiMinute.objects.update(minute=F("minute") + 1, requests=2)
    with pytest.raises(QuotaExceeded):
        quotas.check_rate(workspace)


def test_a_limit_of_nothing_lets_nothing_in(workspace):
    allow(workspace, api_requests_per_minute=0)
    with pytest.raises(QuotaExceeded):
        quotas.check_rate(workspace)


def test_limits_are_written_down_in_the_audit_log(workspace):
    allow(workspace, numbers=5)
    allow(workspace, numbers=5)
    entry = AuditEntry.objects.get(workspace=workspace, action="workspace.quota_changed")
    assert entry.detail == {"limits": {"numbers": 5}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "quota", ["numbers", "messages_per_day", "media_bytes", "api_requests_per_minute"]
)
def test_no_more_than_allowed_however_many_ask_at_once(quota):
    workspace = WorkspaceFactory()
    AccountFactory(workspace=workspace)
    allow(workspace, **{quota: 4})
    take = {
        "numbers": lambda: services.create_account(workspace=workspace, label="x", actor="test"),
        "messages_per_day": lambda: quotas.take_message(workspace),
        "media_bytes": lambda: quotas.check_media(workspace, 1),
        "api_requests_per_minute": lambda: quotas.check_rate(workspace),
    }[quota]
    already = 1 if quota == "numbers" else 0

    def ask(_n):
        try:
            take()
        except QuotaExceeded:
            return 0
        finally:
            connection.close()
        return 1

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(ask, range(16)))
    assert taken == 4 - already
    assert quotas.usage(workspace)[quota] == {"limit": 4, "used": 4}
