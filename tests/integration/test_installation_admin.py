"""Administrators of the installation, in Django's admin: people, workspaces, never a message."""

from __future__ import annotations

import json

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.urls import NoReverseMatch, reverse

from accounts import audit
from accounts.models import ApiKey, AuditEntry, User, Workspace
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["superuser", "staff"])
def chief(request, db):
    """Made by `create_admin`, or by such a one who ticked nothing but "is staff"."""
    is_superuser = request.param == "superuser"
    return UserFactory(email="chief@host.test", is_staff=True, is_superuser=is_superuser)


def test_the_admin_holds_four_models_and_never_a_message():
    assert set(admin.site._registry) == {User, Workspace, ApiKey, AuditEntry}
    content = {"messaging", "events", "webhooks", "sessions_mgr", "mfa", "usersessions"}
    for model in apps.get_models():
        if model._meta.app_label in content:
            with pytest.raises(NoReverseMatch):
                reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_every_admin_page_opens_for_administrators_only(chief, owner, workspace, client):
    key = ApiKey.objects.create_key(workspace=workspace, scopes=["read"], name="k")[0]
    audit.record(workspace=workspace, actor="system", action="a.b", target="t")
    row = AuditEntry.objects.latest("id")
    pages = [
        reverse("admin:index"),
        *(reverse(f"admin:accounts_{m}_changelist") for m in ("user", "workspace", "apikey")),
        reverse("admin:accounts_auditentry_changelist"),
        reverse("admin:accounts_user_change", args=[owner.pk]),
        reverse("admin:accounts_workspace_change", args=[workspace.pk]),
        reverse("admin:accounts_workspace_add"),
        reverse("admin:accounts_auditentry_change", args=[row.pk]),
    ]
    client.force_login(owner)
    for page in pages:
        assert client.get(page).status_code in (302, 403), page
    client.force_login(chief)
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert key.hashed_key not in answer.content.decode()
    assert client.get(reverse("console:overview", args=[workspace.pk])).status_code == 404
    assert client.get(reverse("admin:accounts_apikey_change", args=[key.pk])).status_code in (
        302,
        403,
    )
    for name, pk in (("auditentry", row.pk), ("workspace", workspace.pk), ("user", owner.pk)):
        gone = client.post(reverse(f"admin:accounts_{name}_delete", args=[pk]), {"post": "yes"})
        assert gone.status_code == 403, name


def test_an_administrator_makes_a_workspace_with_an_owner(chief, client):
    client.force_login(chief)
    person = UserFactory()
    lines = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    address = reverse("admin:accounts_workspace_add")
    client.post(address, {"name": "New", **lines})
    assert not Workspace.objects.exists()
    client.post(address, {"name": "New", "owner": person.pk, **lines})
    made = Workspace.objects.get(name="New")
    assert list(made.members.all()) == [person]
    assert made.audit.get(action="workspace.created").actor == "user:chief@host.test"


def test_an_administrator_makes_a_link_for_a_new_password(chief, owner, client):
    client.force_login(chief)
    fields = {"action": "make_password_link", "_selected_action": [str(owner.pk)]}
    page = client.post(reverse("admin:accounts_user_changelist"), fields, follow=True)
    assert "/password/reset/" in page.content.decode()
    row = AuditEntry.objects.get(action="person.password_link_made")
    assert (row.actor, row.target) == ("user:chief@host.test", "owner@here.test")


def test_the_command_makes_an_administrator(capsys):
    call_command("create_admin", "new@host.test")
    made = json.loads(capsys.readouterr().out)
    user = User.objects.get(email="new@host.test")
    assert user.is_staff and user.is_superuser and user.check_password(made["password"])
    call_command("create_admin", "new@host.test")
    assert "password" not in json.loads(capsys.readouterr().out)


def test_the_admin_signs_in_by_our_own_door(client):
    answer = client.get(reverse("admin:index"), follow=True)
    assert answer.redirect_chain[-1][0].startswith("/sign-in")


def test_administrators_change_their_password_where_everybody_does(chief, client):
    client.force_login(chief)
    answer = client.post(reverse("admin:password_change"))
    assert answer.url == reverse("account_change_password")


class TestWithoutSuperuserStatus:
    """Who could change an administrator's address, or make a link for them, would be one."""

    @pytest.fixture
    def staff(self, db, client):
        person = UserFactory(email="staff@host.test", is_staff=True)
        client.force_login(person)
        return person

    @pytest.fixture(params=[{"is_superuser": True}, {"is_staff": True}])
    def other(self, request, db):
        return UserFactory(email="other@host.test", **request.param)

    def test_an_administrator_is_seen_and_not_changed(self, staff, other, client):
        address = reverse("admin:accounts_user_change", args=[other.pk])
        assert 'name="email"' not in client.get(address).content.decode()
        answer = client.post(address, {"email": "mine@host.test", "is_active": "on"})
        assert answer.status_code == 403
        assert User.objects.get(pk=other.pk).email == "other@host.test"

    @pytest.mark.parametrize("action", ["make_password_link", "end_logins"])
    def test_no_action_reaches_an_administrator(self, staff, other, client, action):
        fields = {"action": action, "_selected_action": [str(other.pk)]}
        answer = client.post(reverse("admin:accounts_user_changelist"), fields)
        assert answer.status_code == 403
        assert not AuditEntry.objects.filter(target="other@host.test").exists()

    def test_nobody_is_made_an_administrator(self, staff, owner, client):
        address = reverse("admin:accounts_user_change", args=[owner.pk])
        fields = {"email": owner.email, "name": "New name", "is_active": "on"}
        client.post(address, fields | {"is_staff": "on", "is_superuser": "on"})
        owner.refresh_from_db()
        assert (owner.name, owner.is_staff, owner.is_superuser) == ("New name", False, False)


def test_who_was_an_administrator_and_is_switched_off_sees_nothing(client, owner):
    person = UserFactory(is_staff=True)
    client.force_login(person)
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 200
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 302
