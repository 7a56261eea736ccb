"""Administrators of the installation limit and suspend workspaces, and read nothing in them."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.shortcuts import resolve_url
from django.test import Client

from accounts import quotas
from accounts.models import AuditEntry, User, Workspace
from console.views import administration
from tests.factories import UserFactory, WorkspaceFactory
from tests.life import connected_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return UserFactory()


@pytest.fixture
def ours(owner):
    return WorkspaceFactory(members=[owner])


@pytest.fixture
def browser(owner):
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def admin():
    user = UserFactory()
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    client = Client()
    client.force_login(user)
    return client


def listed(admin, **query):
    return admin.get("/administration/workspaces/", query).context


def test_an_administrator_makes_limits_and_suspends_a_workspace(admin, owner):
    page = admin.post(
        "/administration/workspaces/", {"name": "Bakery", "owner": owner.email}, follow=True
    )
    assert page.status_code == 200
    made = Workspace.objects.get(name="Bakery")
    assert made.memberships.get().user == owner
    base = f"/administration/workspaces/{made.pk}"
    admin.post(f"{base}/quota", {"numbers": "3", "messages_per_day": ""})
    assert (made.quota.numbers, made.quota.messages_per_day) == (3, None)
    admin.post(f"{base}/suspend", {"reason": "test"})
    made.refresh_from_db()
    assert made.suspended_reason == "test"
    admin.post(f"{base}/resume")
    made.refresh_from_db()
    assert made.suspended_at is None
    assert b"Bakery" in admin.get("/administration/workspaces/").content


def test_a_wrong_limit_and_a_taken_name_are_named(admin, ours, owner):
    wrong = admin.post(f"/administration/workspaces/{ours.pk}/quota", {"numbers": "-1"})
    assert wrong.status_code == 422
    taken = admin.post("/administration/workspaces/", {"name": ours.name, "owner": owner.email})
    assert taken.status_code == 422
    assert b"Another workspace has this name" in taken.content
    new = {"name": ours.name, "owner": "new@florist.example"}
    assert admin.post("/administration/workspaces/", new).status_code == 422
    assert not User.objects.filter(email="new@florist.example").exists()
    User.objects.filter(pk=owner.pk).update(is_active=False)
    off = admin.post("/administration/workspaces/", {"name": "X", "owner": owner.email})
    assert (off.status_code, b"switched off" in off.content) == (422, True)
    assert not Workspace.objects.filter(name="X").exists()


def test_an_owner_who_is_new_gets_a_link_that_sets_the_password(admin):
    new = {"name": "Florist", "owner": "New@florist.example"}
    page = admin.post("/administration/workspaces/", new)
    assert "no-store" in page["Cache-Control"]
    assert f"<code>{page.context['link']}</code>" in page.content.decode()
    link = urlsplit(page.context["link"]).path
    visitor = Client()
    form = visitor.get(link, follow=True)
    words = {"password1": "nine-quiet-Rivers-4", "password2": "nine-quiet-Rivers-4"}
    visitor.post(form.redirect_chain[-1][0], words)
    made = Workspace.objects.get(name="Florist").memberships.get()
    assert (made.user.email, made.role) == ("new@florist.example", "owner")
    assert made.user.check_password("nine-quiet-Rivers-4")
    written = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"workspace.created", "person.created", "person.password_link_made"} <= written


def test_a_reason_that_is_too_long_suspends_nobody(admin, ours):
    answer = admin.post(f"/administration/workspaces/{ours.pk}/suspend", {"reason": "x" * 201})
    assert answer.status_code == 422
    ours.refresh_from_db()
    assert ours.suspended_at is None


def test_the_list_shows_what_each_uses_however_many_there_are(
    admin, ours, django_assert_max_num_queries
):
    connected_account(workspace=ours)
    quotas.take_message(ours, 41)
    quotas.check_media(ours, 7 * 2**20)
    WorkspaceFactory.create_batch(2)
    rows = {row["workspace"]: row["used"] for row in listed(admin)["rows"]}
    assert rows.pop(ours) == {"numbers": 1, "messages_per_day": 41, "media_bytes": 7 * 2**20}
    nothing = {"numbers": 0, "messages_per_day": 0, "media_bytes": 0}
    assert list(rows.values()) == [nothing, nothing]

    WorkspaceFactory.create_batch(administration.PAGE_SIZE)
    with django_assert_max_num_queries(20):
        first = listed(admin)
    assert len(first["rows"]) == administration.PAGE_SIZE
    assert len(listed(admin, page="2")["rows"]) == 3


@pytest.mark.parametrize("verb", ["", "/quota", "/suspend", "/resume", "/delete"])
def test_an_owner_is_no_administrator(browser, ours, verb):
    url = f"/administration/workspaces/{ours.pk}{verb}"
    assert browser.get(url).status_code == 404
    assert browser.post(url, {"confirmation": ours.name}).status_code == 404
    assert browser.get("/administration/workspaces/").status_code == 404


def test_an_administrator_reads_no_messages(admin, ours):
    connected_account(workspace=ours, label="secret label")
    for url in ("/administration/workspaces/", f"/administration/workspaces/{ours.pk}"):
        assert b"secret label" not in admin.get(url).content
    assert admin.get(f"/workspaces/{ours.pk}/").status_code == 404


def test_the_other_administration_cannot_delete_a_workspace(ours):
    """A workspace ends in one way: with its numbers logged out, and purged."""
    boss = Client()
    boss.force_login(UserFactory(is_staff=True, is_superuser=True))
    listed = resolve_url("admin:accounts_workspace_changelist")
    chosen = {"action": "delete_selected", "_selected_action": str(ours.pk), "post": "yes"}
    boss.post(listed, chosen)
    there = resolve_url("admin:accounts_workspace_delete", ours.pk)
    assert boss.post(there, {"post": "yes"}).status_code == 403
    ours.refresh_from_db()
    assert ours.deleted_at is None
