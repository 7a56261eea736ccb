"""A workspace's own settings: on its page, over REST, and what they do."""

from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import preferences
from accounts.models import AuditEntry, Role, WhatsAppAccount
from config.retention import forget_old
from events import services as event_log
from events.models import Event
from messaging.models import Message
from sessions_mgr import notices
from sessions_mgr.engines import base
from sessions_mgr.models import Notice
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory, api_key
from tests.life import connected_account, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_api(workspace):
    client = Client(headers={"X-Api-Key": api_key(workspace, scopes=["admin"])})

    def patch(body):
        return client.patch("/api/v1/workspace", body, content_type="application/json")

    return patch


def browser_of(workspace, role=Role.ADMIN):
    user = UserFactory()
    workspace.memberships.create(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def choose(workspace, **changes):
    preferences.change(workspace=workspace, actor="test", **changes)


# REST and page ------------------------------------------------------------------------------------


def test_the_workspace_shows_settings_and_usage(api, workspace):
    shown = api.get("/api/v1/workspace").json()
    assert shown["id"] == str(workspace.pk)
    assert shown["usage"]["numbers"] == {"limit": None, "used": 0}
    assert shown["settings"]["event_retention_days"] is None


def test_patch_changes_what_is_named_and_keeps_the_rest(admin_api, workspace):
    admin_api({"settings": {"notice_email": "ops@example.com"}})
    answer = admin_api({"name": "Bakery", "settings": {"message_retention_days": 7}})
    assert answer.status_code == 200
    assert answer.json()["name"] == "Bakery"
    assert answer.json()["settings"]["notice_email"] == "ops@example.com"
    assert answer.json()["settings"]["message_retention_days"] == 7
    actions = AuditEntry.objects.filter(workspace=workspace).order_by("pk")
    assert [a.action for a in actions][-2:] == ["workspace.renamed", "workspace.settings_changed"]


def test_patch_needs_the_scope_admin(api):
    answer = api.patch("/api/v1/workspace", {"name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"event_retention_days": 0}, "event_retention_days"),
        ({"event_retention_days": 31}, "event_retention_days"),  # the installation keeps 30
        ({"message_retention_days": -1}, "message_retention_days"),
        ({"media_retention_days": 10**12}, "media_retention_days"),
        ({"pacing_min_gap_ms": -5}, "pacing_min_gap_ms"),
        ({"pacing_new_chats_per_hour": 10**6}, "pacing_new_chats_per_hour"),
        ({"notice_email": "nonsense"}, "notice_email"),
        ({"notice_language": "de"}, "notice_language"),
        ({"notice_email": "a@b.example\nBcc: x@y.example"}, "notice_email"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_changed(admin_api, workspace, settings, field):
    answer = admin_api({"name": "Other", "settings": settings})
    assert answer.status_code == 400
    assert field in answer.json()["detail"]
    workspace.refresh_from_db()
    assert workspace.name != "Other"


def test_a_name_that_is_taken_is_refused(admin_api):
    other = WorkspaceFactory()
    answer = admin_api({"name": other.name, "settings": {"message_retention_days": 3}})
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


def test_the_page_saves_and_names_what_is_wrong(workspace):
    browser = browser_of(workspace)
    base_url = f"/workspaces/{workspace.pk}/settings/"
    fine = {
        "gap_seconds": "1.5",
        "pacing_new_chats_per_hour": "0",
        "event_retention_days": 5,
        "notice_language": "id",
    }
    assert browser.post(base_url + "change", fine).status_code == 302
    chosen = preferences.of(workspace.pk)
    assert (chosen.event_retention_days, chosen.fetch_avatars) == (5, False)
    assert (chosen.notice_language, chosen.pacing_min_gap_ms) == ("id", 1500)
    wrong = browser.post(base_url + "change", fine | {"event_retention_days": "99"})
    assert wrong.status_code == 422
    assert b"from 1 to 30" in wrong.content
    assert b'value="1.5"' in wrong.content
    renamed = browser.post(base_url + "rename", {"name": "Bakery"})
    assert renamed.status_code == 302
    assert b"Bakery" in browser.get(base_url).content


def test_a_viewer_sees_usage_and_changes_nothing(workspace):
    browser = browser_of(workspace, Role.VIEWER)
    page = browser.get(f"/workspaces/{workspace.pk}/settings/")
    assert page.status_code == 200
    assert b"Messages today" in page.content
    assert b"settings/change" not in page.content
    assert browser.post(f"/workspaces/{workspace.pk}/settings/change", {}).status_code == 403


# What they do -------------------------------------------------------------------------------------


def test_each_workspace_keeps_its_log_for_its_own_time():
    short, long = AccountFactory(), AccountFactory()
    choose(short.workspace, event_retention_days=2, message_retention_days=2)
    old = timezone.now() - timedelta(days=3)
    for account in (short, long):
        event_log.append(workspace_id=account.workspace_id, type="message", data={})
        Message.objects.create(
            account=account, wa_id="1", direction="in", chat={}, sender={}, type="text",
            timestamp=old, created_at=old,
        )  # fmt: skip
    Event.objects.update(recorded_at=old)
    forget_old()
    assert [e.workspace_id for e in Event.objects.all()] == [long.workspace_id]
    assert [m.account_id for m in Message.objects.all()] == [long.pk]


def test_pictures_are_off_where_either_says_so(workspace, settings):
    assert preferences.of(workspace.pk).fetch_avatars
    choose(workspace, fetch_avatars=False)
    assert not preferences.of(workspace.pk).fetch_avatars
    choose(workspace, fetch_avatars=True)
    settings.AVATAR_FETCH_ENABLED = False
    assert not preferences.of(workspace.pk).fetch_avatars


# Notices ------------------------------------------------------------------------------------------


@pytest.fixture
def told(workspace):
    choose(workspace, notice_email="ops@example.com")
    return workspace


def logged_out(workspace, **fields):
    account = connected_account(workspace=workspace, **fields)
    say(account, base.LoggedOut())
    return account


def test_a_number_that_is_logged_out_is_told_by_mail(told):
    account = logged_out(told, label="Support\nBcc: x@y.example")
    assert notices.send_due(timezone.now()) == 1
    (letter,) = mail.outbox
    assert letter.to == ["ops@example.com"]
    assert "was logged out" in letter.subject
    assert "\n" not in letter.subject
    assert f"/workspaces/{told.pk}/numbers/{account.pk}/" in letter.body
    assert notices.send_due(timezone.now() + timedelta(hours=2)) == 0
    assert len(mail.outbox) == 1


def test_without_an_address_nothing_is_written(workspace):
    logged_out(workspace)
    assert not Notice.objects.exists()


def test_a_person_who_disconnects_is_not_told_of_it(told):
    from sessions_mgr import services

    account = connected_account(workspace=told)
    services.request_disconnect(account=account)
    assert not Notice.objects.exists()


def test_a_mail_that_cannot_leave_is_tried_again_and_then_given_up(told, monkeypatch):
    def broken(*args, **kwargs):
        raise smtplib.SMTPServerDisconnected("gone")

    logged_out(told)
    monkeypatch.setattr(notices, "send_mail", broken)
    at = timezone.now()
    assert notices.send_due(at) == 0
    notice = Notice.objects.get()
    assert notice.next_try_at == at + timedelta(minutes=1)
    for _ in range(10):
        at += timedelta(hours=6)
        notices.send_due(at)
    notice.refresh_from_db()
    assert notice.given_up.startswith("could not be mailed")
    assert notice.attempts == len(notices.RETRIES)


def test_one_mail_about_a_number_at_a_time(told):
    account = logged_out(told)
    Notice.objects.create(workspace=told, account_id=account.pk, label="x", status="failed")
    assert notices.send_due(timezone.now()) == 1
    assert Notice.objects.exclude(given_up="").get().given_up.startswith("a mail about this number")


def test_a_storm_is_a_trickle(told):
    account = AccountFactory(workspace=told)
    Notice.objects.bulk_create(
        Notice(workspace=told, account_id=account.workspace_id, label=f"{n}", status="failed")
        for n in range(30)
    )
    for n, notice in enumerate(Notice.objects.all()):
        notice.account_id = f"00000000-0000-0000-0000-{n:012}"
        notice.save(update_fields=["account_id"])
    at = timezone.now()
    sent = sum(notices.send_due(at) for _ in range(5))
    assert sent == notices.PER_HOUR
    later = at + timedelta(minutes=70)
    assert notices.send_due(later) == 10


def test_a_mail_server_that_is_slow_keeps_the_rest_for_another_turn(told, monkeypatch):
    monkeypatch.setattr(notices, "TURN", 0.0)
    for _ in range(3):
        logged_out(told)
    at = timezone.now()
    assert notices.send_due(at) == 1
    waiting = Notice.objects.filter(sent_at=None, given_up="")
    assert set(waiting.values_list("next_try_at", flat=True)) == {at + notices.LEASE}
    assert notices.send_due(at + notices.LEASE) == 1


def test_a_notice_outlives_its_number_but_not_the_wish(told):
    account = logged_out(told)
    WhatsAppAccount.objects.filter(pk=account.pk).update(deleted_at=timezone.now())
    choose(told, notice_email="")
    assert notices.send_due(timezone.now()) == 0
    assert Notice.objects.get().given_up == "nobody wants mail any more"
