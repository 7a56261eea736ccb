"""Who may open and do what: an outsider walks every address, a viewer tries every button."""

from __future__ import annotations

import uuid

import pytest
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

from accounts import invitations
from accounts.models import ApiKey, AuditEntry, Role, WhatsAppAccount
from accounts.services import create_api_key
from events import services as event_log
from sessions_mgr.models import Session
from tests.factories import (
    AccountFactory,
    MediaFactory,
    MessageFactory,
    UserFactory,
    WorkspaceFactory,
    endpoint,
)

pytestmark = pytest.mark.django_db

PUBLIC = {"home", "sign-in", "sign-out", "join"}  # test_members.py walks join
PERSONAL = {"you", "you-sessions", "you-end-others", "you-end-all", "you-end-session"}
NEEDS_A_MEMBER_ONLY = {
    "overview",
    "numbers",
    "events",
    "sandbox",
    "number",
    "webhooks",
    "webhook",
    "members",
}
EVERYBODY_MAY = {"members-leave"}


def patterns(resolver=None):
    """Every pattern below console.urls, by name."""
    resolver = resolver or next(
        part for part in get_resolver().url_patterns if getattr(part, "app_name", "") == "console"
    )
    for part in resolver.url_patterns:
        if isinstance(part, URLResolver):
            yield from patterns(part)
        elif isinstance(part, URLPattern):
            yield part


@pytest.fixture
def house():
    """A workspace with one of everything, and the arguments that its addresses take."""
    owner = UserFactory()
    workspace = WorkspaceFactory(members=[owner])
    account = AccountFactory(workspace=workspace, connected=True)
    webhook = endpoint(workspace)
    event = event_log.append(workspace_id=workspace.pk, type="message", data={"text": "hi"})
    message = MessageFactory(account=account)
    key, _ = create_api_key(workspace=workspace, name="k", scopes=["read"], actor="system")
    invitation, _ = invitations.create(
        workspace=workspace, role="viewer", by="owner", actor="system"
    )
    arguments = {
        "workspace_id": workspace.pk,
        "account_id": account.pk,
        "event_id": event.pk,
        "key_id": key.public_id,
        "webhook_id": webhook.pk,
        "delivery_id": webhook.deliveries.get().pk,
        "user_id": owner.pk,
        "invitation_id": invitation.pk,
        "media_id": MediaFactory(message=MessageFactory(account=account), stored=b"file").pk,
        "chat_id": message.chat_row_id,
        "message_id": message.pk,
        "phone_number": "+15550100001",
        "verb": "offline",
        "entry": "1",
        "node": "node-1",
    }
    return workspace, owner, arguments


def addresses(arguments):
    """(name, address) of every console page that belongs to a workspace."""
    found = []
    for pattern in patterns():
        if pattern.name in PUBLIC | PERSONAL:
            continue
        for wanted, _pattern, given, _ in get_resolver("console.urls").reverse_dict.getlist(
            pattern.name
        ):
            names = [name for name in wanted[0][1] if name not in given]
            found.append(
                (
                    pattern.name,
                    reverse(f"console:{pattern.name}", kwargs={n: arguments[n] for n in names}),
                )
            )
    return found


def test_the_walk_sees_the_pages(house):
    names = {name for name, _ in addresses(house[2])}
    assert {"overview", "number-connect", "key-revoke", "event", "sandbox-act"} <= names
    assert len(names) > 25


def test_nobody_gets_past_the_sign_in(house, client):
    for name, address in addresses(house[2]):
        for answer in (client.get(address), client.post(address)):
            assert answer.status_code == 302, name
            assert answer.url.startswith(reverse("console:sign-in")), name


def test_an_outsider_finds_nothing(house, client):
    outsider = UserFactory()
    WorkspaceFactory(members=[outsider])
    client.force_login(outsider)
    for name, address in addresses(house[2]):
        assert client.get(address).status_code == 404, name
        assert client.post(address).status_code == 404, name
    assert not AuditEntry.objects.filter(
        actor=f"user:{outsider.email}", workspace=house[0]
    ).exists()


def test_own_workspace_with_foreign_things_is_404(house, client):
    """The workspace in the address is mine, what follows is not."""
    outsider = UserFactory()
    mine = WorkspaceFactory(members=[outsider])
    client.force_login(outsider)
    for name, address in addresses(house[2] | {"workspace_id": mine.pk}):
        if any(
            str(house[2][part]) in address
            for part in (
                "account_id",
                "event_id",
                "key_id",
                "webhook_id",
                "user_id",
                "invitation_id",
            )
        ):
            assert client.get(address).status_code in (404, 405), name
            assert client.post(address).status_code in (404, 405), name
    assert Session.objects.get(pk=house[2]["account_id"]).status == "connected"


def test_a_viewer_sees_but_cannot_act(house, client):
    workspace, _owner, arguments = house
    viewer = UserFactory()
    workspace.memberships.create(user=viewer, role=Role.VIEWER)
    client.force_login(viewer)
    for name, address in addresses(arguments):
        if name in NEEDS_A_MEMBER_ONLY:
            assert client.get(address).status_code == 200, name
        if name not in EVERYBODY_MAY:
            expected = (404,) if name.startswith("admin-") else (403, 405)
            assert client.post(address).status_code in expected, name
    assert Session.objects.get(pk=arguments["account_id"]).status == "connected"
    done = AuditEntry.objects.filter(actor=f"user:{viewer.email}")
    assert {entry.action for entry in done} == {"person.signed_in"}


@pytest.mark.parametrize(("role", "allowed"), [("operator", False), ("admin", True)])
def test_keys_need_an_admin(house, client, role, allowed):
    workspace, _owner, arguments = house
    person = UserFactory()
    workspace.memberships.create(user=person, role=role)
    client.force_login(person)
    expected = 200 if allowed else 403
    assert client.get(reverse("console:keys", args=[workspace.pk])).status_code == expected
    revoke = reverse("console:key-revoke", args=[workspace.pk, arguments["key_id"]])
    assert client.get(revoke).status_code == expected
    assert (client.post(revoke).status_code == 302) is allowed
    assert ApiKey.objects.get(public_id=arguments["key_id"]).revoked is allowed


def test_changes_need_the_csrf_token(house):
    from django.test import Client

    workspace, owner, arguments = house
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    address = reverse("console:number-disconnect", args=[workspace.pk, arguments["account_id"]])
    assert strict.post(address).status_code == 403
    assert Session.objects.get(pk=arguments["account_id"]).status == "connected"


def test_a_deleted_number_is_gone(house, client):
    workspace, owner, arguments = house
    client.force_login(owner)
    client.post(reverse("console:number-delete", args=[workspace.pk, arguments["account_id"]]))
    for name in ("number", "number-panel", "number-timeline", "number-health"):
        address = reverse(f"console:{name}", args=[workspace.pk, arguments["account_id"]])
        assert client.get(address).status_code == 404
    assert WhatsAppAccount.objects.get(pk=arguments["account_id"]).deleted_at


def test_unknown_workspaces_are_404(client):
    client.force_login(UserFactory())
    assert client.get(reverse("console:overview", args=[uuid.uuid4()])).status_code == 404


def test_without_the_sandbox_its_pages_do_not_exist(house, client, settings):
    settings.SANDBOX = False
    workspace, owner, arguments = house
    client.force_login(owner)
    for name, address in addresses(arguments):
        if name.startswith(("sandbox", "number-phone")):
            assert client.get(address).status_code == 404, name
            assert client.post(address).status_code == 404, name
    page = client.get(reverse("console:overview", args=[workspace.pk])).content.decode()
    assert "TEST" not in page


def test_htmx_is_sent_to_the_sign_in_and_swaps_nothing(house, client):
    workspace, _owner, arguments = house
    address = reverse("console:number-panel", args=[workspace.pk, arguments["account_id"]])
    answer = client.get(address, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == reverse("console:sign-in")


def test_after_signing_in_again_one_is_where_one_was(house, client):
    """The address of a form shows nothing: the page that had the form does."""
    workspace, _owner, arguments = house
    ids = [workspace.pk, arguments["account_id"]]
    page, form = (reverse(f"console:number-{name}", args=ids) for name in ("settings", "rename"))
    back = f"{reverse('console:sign-in')}?next={page}"
    answer = client.post(form, headers={"Referer": f"http://testserver{page}"})
    assert answer.url == back
    partial = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
    for answer in (client.post(form, headers=partial), client.get(form, headers=partial)):
        assert answer.headers["HX-Redirect"] == back
    for stranger in ("https://elsewhere.test/x", "javascript:alert(1)", "//elsewhere.test"):
        answer = client.post(form, headers={"Referer": stranger})
        assert answer.url == reverse("console:sign-in"), stranger


def test_what_a_form_of_an_ended_login_sent_is_said_to_be_lost(house, client):
    workspace, owner, arguments = house
    ids = [workspace.pk, arguments["account_id"]]
    client.post(reverse("console:number-rename", args=ids), {"label": "Lost"})
    client.force_login(owner)
    page = client.get(reverse("console:number-settings", args=ids)).content.decode()
    assert "You were signed out, so nothing was changed." in page
    assert "Lost" not in page


def test_the_address_of_a_form_explains_itself(house, client):
    workspace, owner, _arguments = house
    client.force_login(owner)
    for address in (
        reverse("console:members-invite", args=[workspace.pk]),
        reverse("console:you-end-all"),
    ):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST"), address
        assert "Nothing was changed." in answer.content.decode()


def test_pages_are_never_kept_by_shared_caches(house, client):
    workspace, owner, _arguments = house
    client.force_login(owner)
    answer = client.get(reverse("console:overview", args=[workspace.pk]))
    assert "private" in answer.headers["Cache-Control"]
    assert "HX-Request" in answer.headers["Vary"]
