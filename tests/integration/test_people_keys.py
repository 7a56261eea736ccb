"""Keys: restricted to accounts everywhere, expiring, rotated with an overlap."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services, tickets
from accounts.models import ApiKey, AuditEntry
from events import services as event_log
from realtime import access
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory, api_key, endpoint

pytestmark = pytest.mark.django_db


def rest(text):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def pair(workspace):
    """An account that the key may see and one that it may not."""
    return AccountFactory(workspace=workspace, label="mine"), AccountFactory(
        workspace=workspace, label="other", connected=True
    )


@pytest.fixture
def restricted(workspace, pair):
    text = api_key(workspace, ("read", "send", "manage"), accounts=[str(pair[0].pk)])
    return rest(text)


# Restricted to accounts ----------------------------------------------------------------------


def test_another_account_does_not_exist_for_a_restricted_key(restricted, pair):
    mine, other = pair
    listed = restricted.get("/api/v1/accounts").json()["results"]
    assert [row["id"] for row in listed] == [str(mine.pk)]
    base = f"/api/v1/accounts/{other.pk}"
    for path in ("", "/qr", "/timeline", "/health"):
        assert restricted.get(base + path).status_code == 404, path
    for path in ("/connect", "/disconnect", "/logout", "/restart"):
        assert restricted.post(base + path).status_code == 404, path
    assert restricted.patch(base, {"label": "x"}).status_code == 404
    assert restricted.delete(base).status_code == 404
    other.session.refresh_from_db()
    assert other.session.status == "connected"
    assert restricted.get(f"/api/v1/accounts/{mine.pk}").status_code == 200


def test_a_restricted_key_adds_no_account(restricted):
    answer = restricted.post("/api/v1/accounts", {"label": "third"})
    assert (answer.status_code, answer.json()["code"]) == (403, "restricted_key")


def test_events_of_another_account_are_not_told(workspace, restricted, pair):
    for account in (*pair, None):
        event_log.append(
            workspace_id=workspace.pk,
            type="message",
            data={},
            account_id=account and account.pk,
        )
    told = restricted.get("/api/v1/events").json()["results"]
    assert [event["account_id"] for event in told] == [str(pair[0].pk)]
    assert restricted.get(f"/api/v1/events?account={pair[1].pk}").status_code == 404


def test_a_restricted_key_reaches_webhooks_that_tell_of_its_accounts_only(
    workspace, restricted, pair
):
    mine, other = pair
    own = endpoint(workspace, accounts=[str(mine.pk)])
    hidden = [
        endpoint(workspace),
        endpoint(workspace, accounts=[str(other.pk)]),
        endpoint(workspace, accounts=[str(mine.pk), str(other.pk)]),
    ]
    listed = restricted.get("/api/v1/webhooks").json()["results"]
    assert [row["id"] for row in listed] == [str(own.pk)]
    for webhook in hidden:
        assert restricted.get(f"/api/v1/webhooks/{webhook.pk}").status_code == 404
        delivery = webhook.deliveries.first()
        assert delivery is None or (
            restricted.get(f"/api/v1/deliveries/{delivery.pk}").status_code == 404
        )
    url = {"url": "https://hooks.example.com/in"}
    for accounts in ({}, {"accounts": None}, {"accounts": [str(other.pk)]}):
        answer = restricted.post("/api/v1/webhooks", url | accounts)
        assert answer.status_code in (400, 422), accounts
        assert "accounts" in answer.json()["errors"]
    widened = restricted.patch(f"/api/v1/webhooks/{own.pk}", {"accounts": None})
    assert "accounts" in widened.json()["errors"]
    made = restricted.post("/api/v1/webhooks", url | {"accounts": [str(mine.pk)]})
    assert made.status_code == 201


def test_a_restricted_keys_feed_tells_of_its_accounts_only(workspace, pair):
    mine, other = pair
    text = api_key(workspace, ("read",), accounts=[str(mine.pk)])
    grant = access.grant_for(user=None, protocols=[f"bearer.{text}"], ticket="", workspace_id="")
    assert list(grant.accounts()) == [mine]
    assert grant.scope(None) == {mine.pk}
    key = ApiKey.objects.get()
    ticket, _ = tickets.issue(workspace, key=key)
    by_ticket = access.grant_for(user=None, protocols=[], ticket=ticket, workspace_id="")
    assert by_ticket.scope(None) == {mine.pk}
    ApiKey.objects.filter(pk=key.pk).update(accounts=[str(other.pk)])
    assert not grant.holds()


@pytest.mark.parametrize(
    ("accounts", "scopes", "words"),
    [
        ([], ["read"], "at least one"),
        ([str(uuid4())], ["read"], "no account"),
        ("mine", ["admin"], "restricted"),
        ("foreign", ["read"], "no account"),
    ],
)
def test_a_wrong_restriction_is_refused_by_name(workspace, pair, accounts, scopes, words):
    foreign = AccountFactory()
    named = {"mine": [str(pair[0].pk)], "foreign": [str(foreign.pk)]}
    admin = rest(api_key(workspace, ("admin",)))
    wanted = named.get(accounts, accounts) if isinstance(accounts, str) else accounts
    answer = admin.post("/api/v1/api-keys", {"name": "k", "scopes": scopes, "accounts": wanted})
    assert answer.status_code in (400, 422)
    assert words in answer.json()["errors"]["accounts"][0]
    assert ApiKey.objects.count() == 1


# Tickets and feeds ---------------------------------------------------------------------------


def test_a_ticket_ends_with_the_key_that_asked_for_it(workspace):
    text = api_key(workspace)
    ticket = rest(text).post("/api/v1/ws-tickets").json()["ticket"]
    second = rest(text).post("/api/v1/ws-tickets").json()["ticket"]
    grant = access.grant_for(user=None, protocols=[], ticket=ticket, workspace_id="")
    assert grant.holds()
    services.revoke_api_key(key=ApiKey.objects.get(), actor="system")
    assert not grant.holds()
    with pytest.raises(access.NotAuthenticated):
        access.grant_for(user=None, protocols=[], ticket=second, workspace_id="")


# Expiry and rotation -------------------------------------------------------------------------


def test_a_key_expires_by_itself(workspace):
    text = api_key(workspace, expiry_date=timezone.now() + timedelta(hours=1))
    assert rest(text).get("/api/v1/workspace").status_code == 200
    ApiKey.objects.update(expiry_date=timezone.now() - timedelta(seconds=1))
    assert rest(text).get("/api/v1/workspace").json()["code"] == "invalid_key"


def test_the_old_secret_works_through_the_overlap_and_no_longer(workspace):
    old = api_key(workspace, ("admin",))
    key = ApiKey.objects.get()
    answer = rest(old).post(f"/api/v1/api-keys/{key.public_id}/rotate", {"overlap_hours": 2})
    new = answer.json()["key"]
    assert answer.headers["Cache-Control"] == "no-store"
    for text in (old, new):
        assert rest(text).get("/api/v1/workspace").status_code == 200
    ApiKey.objects.update(old_until=timezone.now() - timedelta(seconds=1))
    assert rest(old).get("/api/v1/workspace").status_code == 401
    assert rest(new).get("/api/v1/workspace").status_code == 200
    assert new not in str(ApiKey.objects.values()) and old not in str(ApiKey.objects.values())
    entry = AuditEntry.objects.get(action="api_key.rotated")
    assert (entry.detail["old_prefix"], entry.detail["overlap_hours"]) == (old[:8], 2)


def test_without_overlap_the_old_secret_ends_at_once(workspace):
    old = api_key(workspace)
    new = services.rotate_api_key(key=ApiKey.objects.get(), actor="system", overlap=timedelta(0))
    assert ApiKey.objects.authenticate(old) is None
    assert ApiKey.objects.authenticate(new)


def test_somebody_with_the_old_prefix_and_a_wrong_secret_is_refused(workspace):
    old = api_key(workspace)
    services.rotate_api_key(key=ApiKey.objects.get(), actor="system", overlap=timedelta(hours=1))
    assert ApiKey.objects.authenticate(old[:-1] + ("a" if old[-1] != "a" else "b")) is None


@pytest.mark.parametrize("hours", [-1, 25, "soon"])
def test_a_wrong_overlap_is_named(workspace, hours):
    api = rest(api_key(workspace, ("admin",)))
    key = ApiKey.objects.get()
    answer = api.post(f"/api/v1/api-keys/{key.public_id}/rotate", {"overlap_hours": hours})
    assert "overlap_hours" in answer.json()["errors"]


def test_a_revoked_key_gets_no_new_secret(workspace):
    api = rest(api_key(workspace, ("admin",)))
    other, _ = services.create_api_key(
        workspace=workspace, name="x", scopes=["read"], actor="system"
    )
    services.revoke_api_key(key=other, actor="system")
    answer = api.post(f"/api/v1/api-keys/{other.public_id}/rotate", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_rotatable")
    foreign, _ = services.create_api_key(
        workspace=WorkspaceFactory(), name="x", scopes=["read"], actor="system"
    )
    assert api.post(f"/api/v1/api-keys/{foreign.public_id}/rotate", {}).status_code == 404


# The page ------------------------------------------------------------------------------------


def test_a_key_is_made_restricted_and_rotated_on_the_page(workspace, pair, client):
    owner = UserFactory()
    workspace.memberships.create(user=owner, role="owner")
    client.force_login(owner)
    address = reverse("console:keys", args=[workspace.pk])
    fields = {"name": "CRM", "scopes": ["read"], "accounts": [str(pair[0].pk)], "expires": "30"}
    page = client.post(address, fields).content.decode()
    key = ApiKey.objects.get()
    assert key.accounts == [str(pair[0].pk)]
    assert timedelta(29) < key.expiry_date - timezone.now() < timedelta(31)
    first = page.split('id="new-key-text">')[1].split("<")[0]
    assert ApiKey.objects.authenticate(first) == key
    rotate = reverse("console:key-rotate", args=[workspace.pk, key.public_id])
    assert "old secret works on" in client.get(rotate).content.decode()
    answer = client.post(rotate, {"overlap": "1"})
    second = answer.content.decode().split('id="new-key-text">')[1].split("<")[0]
    assert "no-store" in answer.headers["Cache-Control"]
    assert first != second
    assert ApiKey.objects.authenticate(first) and ApiKey.objects.authenticate(second)
    everything = {"name": "x", "scopes": ["admin"], "accounts": [str(pair[0].pk)], "expires": ""}
    assert "cannot be restricted" in client.post(address, everything).content.decode()


# Changed -------------------------------------------------------------------------------------


@pytest.fixture
def chief(workspace):
    return rest(api_key(workspace, ("admin",)))


def made(workspace, **fields):
    return services.create_api_key(
        workspace=workspace, actor="test", **{"name": "k", "scopes": ["read"], **fields}
    )


def test_a_key_is_changed_and_its_secret_goes_on(workspace, pair, chief):
    key, text = made(workspace)
    wanted = {"name": "CRM", "scopes": ["send", "read"], "accounts": [str(pair[0].pk)]}

    answer = chief.patch(f"/api/v1/api-keys/{key.public_id}", wanted, format="json")

    assert answer.status_code == 200, answer.content
    assert "key" not in answer.json()
    assert {name: answer.json()[name] for name in wanted} == wanted | {"scopes": ["read", "send"]}
    listed = rest(text).get("/api/v1/accounts").json()["results"]
    assert [row["id"] for row in listed] == [str(pair[0].pk)]
    row = AuditEntry.objects.get(action="api_key.changed")
    assert row.target == key.prefix
    assert row.detail["before"] == {"name": "k", "scopes": ["read"], "accounts": None}
    assert row.detail["after"]["scopes"] == ["read", "send"]


def test_what_is_not_named_stays(workspace, pair, chief):
    key, _ = made(workspace, accounts=[pair[0].pk], scopes=["read", "send"])
    chief.patch(f"/api/v1/api-keys/{key.public_id}", {"name": "New"}, format="json")
    key.refresh_from_db()
    assert (key.name, key.scopes, key.accounts) == ("New", ["read", "send"], [str(pair[0].pk)])


def test_changing_nothing_writes_nothing_down(workspace, chief):
    key, _ = made(workspace)
    services.change_api_key(key=key, actor="test", name="k", scopes=["read"], accounts=None)
    assert not AuditEntry.objects.filter(action="api_key.changed").exists()


def test_a_restriction_is_lifted_with_null_and_never_by_an_empty_list(workspace, pair, chief):
    key, _ = made(workspace, accounts=[pair[0].pk])
    address = f"/api/v1/api-keys/{key.public_id}"
    assert chief.patch(address, {"accounts": []}, format="json").status_code == 400
    assert ApiKey.objects.get(pk=key.pk).accounts == [str(pair[0].pk)]
    assert chief.patch(address, {"accounts": None}, format="json").status_code == 200
    assert ApiKey.objects.get(pk=key.pk).accounts is None


@pytest.mark.parametrize(
    "wanted",
    [{"scopes": []}, {"scopes": ["fly"]}, {"name": ""}, {"accounts": [str(uuid4())]}],
)
def test_a_wrong_change_is_named_and_nothing_changes(workspace, chief, wanted):
    key, _ = made(workspace)
    answer = chief.patch(f"/api/v1/api-keys/{key.public_id}", wanted, format="json")
    assert answer.status_code == 400
    assert next(iter(wanted)) in answer.content.decode()
    key.refresh_from_db()
    assert (key.name, key.scopes, key.accounts) == ("k", ["read"], None)


def test_a_restricted_key_does_not_become_one_for_everything(workspace, pair, chief):
    key, _ = made(workspace, accounts=[pair[0].pk])
    answer = chief.patch(f"/api/v1/api-keys/{key.public_id}", {"scopes": ["admin"]}, format="json")
    assert answer.status_code == 400
    assert ApiKey.objects.get(pk=key.pk).scopes == ["read"]


def test_a_key_that_works_no_more_is_not_changed(workspace, chief):
    key, _ = made(workspace)
    services.revoke_api_key(key=key, actor="test")
    answer = chief.patch(f"/api/v1/api-keys/{key.public_id}", {"name": "x"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_changeable")


def test_only_a_key_with_the_scope_admin_changes_keys(workspace):
    key, text = made(workspace, scopes=["read", "send", "manage"])
    answer = rest(text).patch(
        f"/api/v1/api-keys/{key.public_id}", {"scopes": ["admin"]}, format="json"
    )
    assert answer.status_code == 403
    assert ApiKey.objects.get(pk=key.pk).scopes == ["read", "send", "manage"]


def test_an_open_feed_ends_when_its_key_is_restricted(workspace, pair):
    key, _ = made(workspace)
    grant = access.grant_of_key(key)
    assert grant.holds()
    services.change_api_key(key=key, actor="test", accounts=[pair[0].pk])
    assert not grant.holds()


def test_a_key_is_changed_on_its_page(workspace, pair, client):
    person = UserFactory()
    workspace.memberships.create(user=person, role="admin")
    client.force_login(person)
    key, _ = made(workspace, accounts=[pair[0].pk])
    address = reverse("console:key-edit", args=[workspace.pk, key.public_id])
    assert "checked" in client.get(address).content.decode()
    fields = {"name": "Desk", "scopes": ["send"], "accounts": [str(pair[1].pk)]}
    answer = client.post(address, fields, follow=True)
    assert "The key “Desk” is changed." in answer.content.decode()
    key.refresh_from_db()
    assert (key.name, key.scopes, key.accounts) == ("Desk", ["send"], [str(pair[1].pk)])
    assert AuditEntry.objects.get(action="api_key.changed").actor == f"user:{person.email}"


def test_a_deleted_number_stays_ticked_so_that_saving_does_not_open_the_key(
    workspace, pair, client
):
    person = UserFactory()
    workspace.memberships.create(user=person, role="owner")
    client.force_login(person)
    key, _ = made(workspace, accounts=[pair[0].pk])
    type(pair[0]).objects.filter(pk=pair[0].pk).update(deleted_at=timezone.now())
    address = reverse("console:key-edit", args=[workspace.pk, key.public_id])
    assert "mine (deleted)" in client.get(address).content.decode()
    fields = {"name": "k2", "scopes": ["read"], "accounts": [str(pair[0].pk)]}
    assert client.post(address, fields).status_code == 302
    key.refresh_from_db()
    assert (key.name, key.accounts) == ("k2", [str(pair[0].pk)])


@pytest.mark.parametrize(("role", "status"), [("operator", 403), ("viewer", 403), ("admin", 200)])
def test_the_page_that_changes_a_key_needs_the_right_to_keys(workspace, client, role, status):
    person = UserFactory()
    workspace.memberships.create(user=person, role=role)
    client.force_login(person)
    key, _ = made(workspace)
    address = reverse("console:key-edit", args=[workspace.pk, key.public_id])
    assert client.get(address).status_code == status
    client.post(address, {"name": "x", "scopes": ["send"]})
    key.refresh_from_db()
    assert (key.name == "x") is (status == 200)
