"""The REST API of accounts, as CONTRACT section 2 says it."""

from __future__ import annotations

import uuid

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiKey, AuditEntry
from sessions_mgr.engines import base
from sessions_mgr.models import Session
from tests.factories import AccountFactory, WorkspaceFactory, api_key
from tests.life import LINKED, connected_account, say, start

pytestmark = pytest.mark.django_db

FIELDS = {
    "id",
    "label",
    "status",
    "desired",
    "reason",
    "phone_number",
    "jid",
    "lid",
    "push_name",
    "connected_at",
    "disconnected_at",
    "restrictions",
    "metadata",
    "created_at",
    "updated_at",
}


def problem(response, status, code):
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] and body["title"] and body["detail"]
    return body


def test_an_account_is_made_read_changed_and_deleted(api, workspace):
    made = api.post("/api/v1/accounts", {"label": "Sales", "metadata": {"team": 7}})
    assert made.status_code == 201
    account = made.json()
    assert set(account) == FIELDS
    assert (account["status"], account["phone_number"], account["metadata"]) == (
        "disconnected",
        None,
        {"team": 7},
    )
    address = f"/api/v1/accounts/{account['id']}"

    assert api.get(address).json() == account
    assert api.patch(address, {"label": "Support"}).json()["label"] == "Support"
    assert [a["id"] for a in api.get("/api/v1/accounts").json()["results"]] == [account["id"]]
    assert api.delete(address).status_code == 204
    problem(api.get(address), 404, "not_found")
    actions = AuditEntry.objects.filter(workspace=workspace).values_list("action", flat=True)
    assert {"account.created", "account.deleted"} <= set(actions)


def test_connect_twice_answers_the_same_and_restarts_nothing(api, workspace):
    account = AccountFactory(workspace=workspace)
    first = api.post(f"/api/v1/accounts/{account.pk}/connect")
    epoch = Session.objects.get(pk=account.pk).epoch
    second = api.post(f"/api/v1/accounts/{account.pk}/connect")

    assert first.status_code == second.status_code == 202
    assert first.json()["status"] == second.json()["status"] == "starting"
    assert Session.objects.get(pk=account.pk).epoch == epoch


def test_disconnect_answers_200_any_number_of_times(api, workspace):
    account = connected_account(workspace=workspace)
    address = f"/api/v1/accounts/{account.pk}/disconnect"

    answers = [api.post(address) for _ in range(3)]

    assert [a.status_code for a in answers] == [200] * 3
    assert [a.json()["already_disconnected"] for a in answers] == [False, True, True]
    assert {a.json()["status"] for a in answers} == {"disconnected"}
    assert {a.json()["phone_number"] for a in answers} == {None}
    assert answers[0].json()["disconnected_at"] is not None


def test_seed_004_disconnect_without_a_session_in_memory_is_no_error(api, workspace):
    """Seed 004: "Session not found" was answered when the worker or its row was gone."""
    account = AccountFactory(workspace=workspace)
    Session.objects.filter(pk=account.pk).delete()

    answer = api.post(f"/api/v1/accounts/{account.pk}/disconnect")

    assert answer.status_code == 200
    assert answer.json()["status"] == "disconnected"


def test_logout_and_restart(api, workspace):
    account = connected_account(workspace=workspace)

    out = api.post(f"/api/v1/accounts/{account.pk}/logout")
    again = api.post(f"/api/v1/accounts/{account.pk}/restart")

    assert (out.status_code, out.json()["status"]) == (200, "disconnected")
    assert (again.status_code, again.json()["status"]) == (202, "starting")


def test_the_qr_comes_as_json_png_and_svg(api, workspace):
    account = AccountFactory(workspace=workspace)
    start(account)
    say(
        account,
        base.QrIssued(code="https://wa.me/settings/linked_devices#a,b", attempt=2, expires_at=4e9),
    )
    address = f"/api/v1/accounts/{account.pk}/qr"

    as_json = api.get(address)
    as_png = api.get(address, headers={"Accept": "image/png"})
    as_svg = api.get(address, headers={"Accept": "image/svg+xml"})

    assert set(as_json.json()) == {"code", "svg", "expires_at", "attempt"}
    assert as_json.json()["attempt"] == 2
    assert as_png.content.startswith(b"\x89PNG")
    assert as_svg.content.startswith(b"<svg")
    assert as_svg["Content-Type"] == "image/svg+xml"
    assert as_json["Cache-Control"] == "no-store"


@pytest.mark.parametrize("accept", ["application/json", "image/png", "image/svg+xml"])
def test_without_a_code_the_answer_names_the_status(api, workspace, accept):
    account = connected_account(workspace=workspace)

    answer = api.get(f"/api/v1/accounts/{account.pk}/qr", headers={"Accept": accept})

    assert problem(answer, 409, "no_qr")["account_status"] == "connected"


def test_an_expired_code_is_not_shown(api, workspace):
    account = AccountFactory(workspace=workspace)
    start(account)
    say(account, base.QrIssued(code="old", attempt=1, expires_at=1000.0))

    problem(api.get(f"/api/v1/accounts/{account.pk}/qr"), 409, "no_qr")


def test_a_pairing_code_without_a_worker_is_refused_and_says_why(api, workspace):
    account = AccountFactory(workspace=workspace)

    answer = api.post(f"/api/v1/accounts/{account.pk}/pairing-code", {"phone_number": "+15550001"})

    assert "disconnected" in problem(answer, 409, "not_pairing")["detail"]


@pytest.mark.parametrize(
    "number", ["15550001", "+1555x", "+1", "+" + "1" * 16, "", "+0155500012", "+١٢٣٤٥٦٧٨"]
)
def test_a_wrong_phone_number_is_named(api, workspace, number):
    account = AccountFactory(workspace=workspace)

    answer = api.post(f"/api/v1/accounts/{account.pk}/pairing-code", {"phone_number": number})

    assert "phone_number" in problem(answer, 400, "invalid")["errors"]


def test_the_timeline_is_newest_first(api, workspace):
    account = connected_account(workspace=workspace)

    rows = api.get(f"/api/v1/accounts/{account.pk}/timeline").json()["results"]

    assert [(r["from"], r["to"]) for r in rows] == [
        ("starting", "connected"),
        ("disconnected", "starting"),
    ]
    assert set(rows[0]) == {"from", "to", "reason", "at", "epoch"}


def test_health_without_a_worker_is_an_answer_and_no_error(api, workspace):
    account = AccountFactory(workspace=workspace)

    health = api.get(f"/api/v1/accounts/{account.pk}/health").json()

    assert (health["process_alive"], health["socket_alive"], health["logged_in"]) == (
        False,
        False,
        False,
    )
    assert health["restarts"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "label"),
        ({"label": ""}, "label"),
        ({"label": "x" * 121}, "label"),
        ({"label": "a\x00b"}, "label"),
        ({"label": "x", "metadata": [1]}, "metadata"),
        ({"label": "x", "metadata": {"a": "y" * 20_000}}, "metadata"),
        ({"label": "x", "proxy": "ftp://x"}, "proxy"),
        ({"label": "x", "proxy": "http://"}, "proxy"),
    ],
)
def test_bad_input_names_the_field(api, body, field):
    assert field in problem(api.post("/api/v1/accounts", body), 400, "invalid")["errors"]


@pytest.mark.parametrize(
    "bad", ["../../etc", "..%2f..%2fetc", "%2e%2e", "1", "null", "x" * 300, "a/../b"]
)
def test_path_tricks_in_ids_find_nothing(api, bad):
    for verb in ("connect", "disconnect", "qr"):
        response = api.get(f"/api/v1/accounts/{bad}/{verb}")
        assert response.status_code == 404


def test_no_key_a_wrong_key_and_a_revoked_key_are_401(workspace):
    client = APIClient()
    problem(client.get("/api/v1/accounts"), 401, "no_key")
    for wrong in ("nonsense", "a" * 49, "Ünïcode-key"):
        client.credentials(HTTP_X_API_KEY=wrong)
        problem(client.get("/api/v1/accounts"), 401, "invalid_key")
    text = api_key(workspace)
    client.credentials(HTTP_X_API_KEY=text)
    assert client.get("/api/v1/accounts").status_code == 200
    ApiKey.objects.update(revoked=True)
    problem(client.get("/api/v1/accounts"), 401, "invalid_key")


def test_a_key_without_the_scope_is_403_and_told_which(workspace):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key(workspace, scopes=['read'])}")

    body = problem(client.post("/api/v1/accounts", {"label": "x"}), 403, "missing_scope")

    assert "manage" in body["detail"]


def test_only_an_admin_key_makes_and_revokes_keys(api, workspace):
    problem(api.post("/api/v1/api-keys", {"name": "x", "scopes": ["read"]}), 403, "missing_scope")
    admin = APIClient()
    admin.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key(workspace, scopes=['admin'])}")

    made = admin.post("/api/v1/api-keys", {"name": "app", "scopes": ["send", "read"]}).json()
    listed = admin.get("/api/v1/api-keys").json()["results"]

    assert made["scopes"] == ["read", "send"]
    assert not ApiKey.objects.filter(hashed_key__contains=made["key"]).exists()
    assert all("key" not in row for row in listed)
    new = APIClient()
    new.credentials(HTTP_X_API_KEY=made["key"])
    assert new.get("/api/v1/workspace").json()["name"] == workspace.name
    assert admin.delete(f"/api/v1/api-keys/{made['id']}").status_code == 204
    problem(new.get("/api/v1/workspace"), 401, "invalid_key")


def test_another_workspaces_account_is_404_everywhere(api):
    other = connected_account(workspace=WorkspaceFactory())
    address = f"/api/v1/accounts/{other.pk}"

    for response in (
        api.get(address),
        api.patch(address, {"label": "x"}),
        api.delete(address),
        api.post(f"{address}/connect"),
        api.post(f"{address}/disconnect"),
        api.post(f"{address}/logout"),
        api.post(f"{address}/restart"),
        api.get(f"{address}/qr"),
        api.get(f"{address}/timeline"),
        api.get(f"{address}/health"),
        api.post(f"{address}/pairing-code", {"phone_number": "+15550001"}),
        api.get(f"/api/v1/events?account={other.pk}"),
        api.post("/api/v1/sandbox/phones/+15550001/scan", {"account_id": str(other.pk)}),
        api.post("/api/v1/sandbox/faults", {"account_id": str(other.pk), "kind": "drop"}),
    ):
        problem(response, 404, "not_found")
    assert api.get("/api/v1/accounts").json()["results"] == []
    other.refresh_from_db()
    assert other.phone_number == LINKED["phone_number"]


def test_an_unknown_account_and_address_are_404_problems(api):
    problem(api.get(f"/api/v1/accounts/{uuid.uuid4()}"), 404, "not_found")
    problem(api.get("/api/v1/nothing"), 404, "not_found")


def test_lists_come_in_pages(api, workspace):
    AccountFactory.create_batch(5, workspace=workspace)

    first = api.get("/api/v1/accounts?limit=2").json()
    second = api.get(first["next"]).json()

    ids = [a["id"] for a in first["results"] + second["results"]]
    assert len(set(ids)) == 4
    assert first["previous"] is None
    assert api.get(second["previous"]).json()["results"] == first["results"]


def test_the_sandbox_does_not_exist_without_sandbox(api, settings):
    settings.SANDBOX = False

    problem(api.get("/api/v1/sandbox/phones"), 404, "not_found")


def test_a_broken_body_is_400_and_a_wrong_type_415(api):
    broken = api.post("/api/v1/accounts", "{", content_type="application/json")
    problem(broken, 400, "parse_error")
    bottomless = api.post("/api/v1/accounts", "[" * 100_000, content_type="application/json")
    problem(bottomless, 400, "parse_error")
    problem(
        api.post("/api/v1/accounts", "a=1", content_type="text/plain"),
        415,
        "unsupported_media_type",
    )
