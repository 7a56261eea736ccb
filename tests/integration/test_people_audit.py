"""The audit log: who, what, from where; append-only; filtered, exported, administered."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import AsyncClient
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import audit, services
from accounts.models import ApiKey, AppendOnly, AuditEntry, Role, User, Workspace
from console.audit_words import WORDS
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory, api_key, endpoint

ROOT = Path(__file__).parents[2]
ACTION = re.compile(
    r"(?:action=|_audit\(\w+(?:\.\w+)?, actor, |if change else )"
    r'"((?:account|api_key|audit|group|invitation|member|person|webhook|workspace)\.[a-z_]+)"'
)
pytestmark = pytest.mark.django_db


def rest(workspace, *scopes):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {api_key(workspace, scopes)}")
    return client


def entry(workspace, action="a.b", actor="system", target="t", **detail):
    audit.record(workspace=workspace, actor=actor, action=action, target=target, **detail)
    return AuditEntry.objects.latest("id")


def old_entry(workspace, action, actor, days):
    """What happened some days ago: nobody can change the time of a row afterwards."""
    AuditEntry.objects.create(
        workspace=workspace,
        action=action,
        actor=actor,
        target="one",
        at=timezone.now() - timedelta(days=days),
    )


# Append-only ---------------------------------------------------------------------------------


def test_the_model_refuses_to_change_and_to_delete(workspace):
    row = entry(workspace)
    row.actor = "user:somebody"
    for attempt in (
        row.save,
        row.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor="x"),
        lambda: AuditEntry.objects.bulk_update([row], ["actor"]),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    assert AuditEntry.objects.get(pk=row.pk).actor == "system"


@pytest.mark.parametrize(
    "statement",
    ["UPDATE accounts_auditentry SET actor = 'x'", "DELETE FROM accounts_auditentry"],
)
def test_postgresql_refuses_it_too(workspace, is_postgres, statement):
    if not is_postgres:
        pytest.skip("a trigger of PostgreSQL")
    entry(workspace)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)
    assert AuditEntry.objects.count() == 1


def test_the_end_of_a_workspace_takes_its_rows_and_no_other(workspace):
    entry(workspace)
    kept = entry(WorkspaceFactory())
    with audit.purging():
        Workspace.objects.get(pk=workspace.pk).delete()
    assert list(AuditEntry.objects.all()) == [kept]


# From where ----------------------------------------------------------------------------------


def test_a_change_says_who_and_from_where(workspace, owner, client):
    account = AccountFactory(workspace=workspace)
    client.force_login(owner)
    answer = client.post(
        reverse("console:number-connect", args=[workspace.pk, account.pk]),
        headers={"user-agent": "Mozilla/5.0 Firefox/130.0", "x-request-id": "abcdef-12345"},
    )
    row = AuditEntry.objects.get(action="account.connect")
    assert (row.actor, row.target) == ("user:owner@here.test", str(account.pk))
    assert (row.ip, row.request_id) == ("127.0.0.1", "abcdef-12345")
    assert "Firefox" in row.user_agent
    assert answer.headers["X-Request-Id"] == "abcdef-12345"


def test_a_key_is_named_by_its_prefix(workspace):
    api = rest(workspace, "manage")
    api.post("/api/v1/accounts", {"label": "x"})
    row = AuditEntry.objects.get(action="account.created")
    assert row.actor == f"key:{ApiKey.objects.get().prefix}"
    assert row.ip == "127.0.0.1"


def test_what_the_system_does_comes_from_nowhere(workspace):
    row = entry(workspace)
    assert (row.ip, row.user_agent, row.request_id) == (None, "", "")


@pytest.mark.parametrize(
    ("proxies", "forwarded", "ip"),
    [
        (0, "198.51.100.7", "127.0.0.1"),  # anybody can write the header
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "6.6.6.6, 198.51.100.7", "198.51.100.7"),  # what the client wrote itself is left
        (2, "6.6.6.6, 198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (2, "10.0.0.1", "127.0.0.1"),
        (1, "no address", None),
    ],
)
def test_the_address_behind_proxies(client, settings, owner, proxies, forwarded, ip):
    settings.TRUSTED_PROXIES = proxies
    client.force_login(owner)
    fields = {"name": "Ada"}
    client.post(reverse("console:you"), fields, headers={"x-forwarded-for": forwarded})
    assert AuditEntry.objects.get(action="person.renamed").ip == ip


@pytest.mark.parametrize("given", ["", "short", "a b c d e f g h", "x" * 65, "<script>alert(1)"])
def test_a_strange_request_id_is_replaced(client, given):
    answer = client.get("/sign-in", headers={"x-request-id": given})
    assert answer.headers["X-Request-Id"] != given
    assert len(answer.headers["X-Request-Id"]) == 16


def test_each_workspace_of_a_person_learns_and_none_of_another(owner, workspace):
    other = WorkspaceFactory(members=[owner], name="Secret project")
    audit.record_of_person(owner, action="person.signed_in")
    rows = AuditEntry.objects.filter(action="person.signed_in")
    assert {row.workspace for row in rows} == {workspace, other}
    told = rows.get(workspace=workspace)
    assert "Secret" not in f"{told.target}{told.detail}{told.actor}"


# Page and filters ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status"),
    [("owner", 200), ("admin", 200), ("operator", 403), ("viewer", 403), ("outsider", 404)],
)
@pytest.mark.parametrize("name", ["audit", "audit-csv", "audit-ndjson"])
def test_who_may_read_it(workspace, client, who, status, name):
    person = UserFactory()
    if who in Role.values:
        workspace.memberships.create(user=person, role=who)
    client.force_login(person)
    address = reverse(f"console:{name}", args=[workspace.pk])
    assert client.get(address).status_code == status


@pytest.fixture
def history(workspace):
    old_entry(workspace, "account.connect", "user:ada@here.test", days=3)
    old_entry(workspace, "account.disconnect", "key:abcdefgh", days=2)
    entry(workspace, "webhook.created", "user:bob@here.test", "two")
    entry(WorkspaceFactory(), "account.connect", "user:ada@here.test", "foreign")


def day(ago):
    return (timezone.now() - timedelta(days=ago)).date().isoformat()


FILTERS = [
    ({"actor": "ada"}, {"account.connect"}),
    ({"action": "account.disconnect"}, {"account.disconnect"}),
    ({"target": "one"}, {"account.connect", "account.disconnect"}),
    ({"target": "one", "actor": "key:"}, {"account.disconnect"}),
    ({"target": "foreign"}, set()),
]


@pytest.mark.parametrize(("query", "found"), FILTERS)
def test_filters_of_the_page_and_of_rest(workspace, owner, client, history, query, found):
    client.force_login(owner)
    page = client.get(reverse("console:audit", args=[workspace.pk]), query)
    assert {row["entry"].action for row in page.context["rows"]} == found
    answer = rest(workspace, "admin").get("/api/v1/audit", query)
    assert {row["action"] for row in answer.json()["results"]} == found


def test_the_time_filters_days_on_the_page_and_moments_over_rest(workspace, owner, client, history):
    client.force_login(owner)
    query = {"since": day(3), "until": day(2), "target": "one"}
    page = client.get(reverse("console:audit", args=[workspace.pk]), query)
    assert len(page.context["rows"]) == 2
    wrong = client.get(reverse("console:audit", args=[workspace.pk]), {"since": "soon"})
    assert "valid date" in wrong.content.decode()
    api = rest(workspace, "admin")
    since = (timezone.now() - timedelta(days=2, hours=1)).isoformat()
    told = api.get("/api/v1/audit", {"since": since, "action": "account."}).json()["results"]
    assert [row["action"] for row in told] == ["account.disconnect"]
    refused = api.get("/api/v1/audit", {"until": "soon"})
    assert (refused.status_code, refused.json()["field"]) == (422, "until")


def rows_of(client, workspace, **query):
    """The page, and what its rows tell: what, to what, who. Without the test's own sign-in."""
    page = client.get(reverse("console:audit", args=[workspace.pk]), query)
    told = [row["told"] for row in page.context["rows"]]
    return page, [(t.what, t.target, t.who) for t in told if t.what != "Signed in"]


@pytest.fixture
def named_rows(workspace, owner):
    """A number, a webhook and a key with names, and what was done to them."""
    User.objects.filter(pk=owner.pk).update(name="Olga")
    made, _text = services.create_api_key(
        workspace=workspace, name="Shop robot", scopes=["manage"], actor=audit.person(owner)
    )
    account = AccountFactory(workspace=workspace, label="Support Berlin")
    hook = endpoint(workspace, "https://crm.example.com/hook")
    entry(workspace, "account.connect", audit.program(made), str(account.pk))
    entry(workspace, "webhook.deleted", "user:gone@here.test", str(hook.pk))
    return made, account, hook


def test_the_page_says_in_words_who_did_what_to_what(client, workspace, owner, named_rows):
    made, account, hook = named_rows
    type(hook).objects.filter(pk=hook.pk).update(deleted_at=timezone.now())
    client.force_login(owner)
    page, rows = rows_of(client, workspace)
    assert rows == [
        ("Webhook deleted", "https://crm.example.com/hook", "gone@here.test"),
        ("Number told to connect", "Support Berlin", f"Shop robot (API key {made.prefix}…)"),
        ("Webhook added", "https://crm.example.com/hook", "test"),
        ("API key made", "Shop robot", "Olga (owner@here.test)"),
    ]
    text = page.content.decode()
    assert reverse("console:number", args=[workspace.pk, account.pk]) in text
    assert reverse("console:webhook", args=[workspace.pk, hook.pk]) not in text
    assert f"<code>{account.pk}</code>" in text
    assert '<option value="account.connect">Number told to connect</option>' in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"target": "support"}, ["Support Berlin"]),
        ({"target": "crm.example"}, ["https://crm.example.com/hook"] * 2),
        ({"target": "robot"}, ["Shop robot"]),
        ({"actor": "shop rob"}, ["Support Berlin"]),
        ({"actor": "nobody"}, []),
    ],
)
def test_a_name_finds_its_rows(client, workspace, owner, named_rows, query, found):
    client.force_login(owner)
    assert [target for _what, target, _who in rows_of(client, workspace, **query)[1]] == found


def test_names_of_another_workspace_are_not_told(client, workspace, owner):
    foreign = AccountFactory(label="Secret project")
    entry(workspace, "account.connect", "system", str(foreign.pk))
    client.force_login(owner)
    assert rows_of(client, workspace)[1][0][1] == str(foreign.pk)
    assert rows_of(client, workspace, target="Secret")[1] == []


def test_recovery_codes_are_not_told_as_a_second_factor(client, workspace, owner):
    for kind in ("totp", "recovery_codes"):
        audit.record_of_person(owner, action="person.factor_added", factor=kind)
    client.force_login(owner)
    told = [what for what, _target, _who in rows_of(client, workspace)[1]]
    assert told == ["New recovery codes made", "Second factor switched on"]


def test_every_action_that_is_written_has_its_words():
    """Those of nodes are in the installation's log only."""
    written = set()
    for folder in ("accounts", "console", "messaging", "sessions_mgr", "webhooks"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "audit_words.py":
                written |= set(ACTION.findall(path.read_text()))
    assert {"account.connect", "person.created", "webhook.updated"} <= written
    assert written == set(WORDS)


# Export --------------------------------------------------------------------------------------


async def export(owner, workspace, name, **query):
    client = AsyncClient()
    await client.aforce_login(owner)
    answer = await client.get(reverse(f"console:{name}", args=[workspace.pk]), query)
    assert answer.streaming
    body = b"".join([part async for part in answer.streaming_content])
    return answer, body.decode()


@pytest.mark.django_db(transaction=True)
async def test_csv_has_every_row_and_no_formula(workspace, owner):
    from asgiref.sync import sync_to_async

    make = sync_to_async(entry)
    for n in range(1203):  # more than two chunks
        await make(workspace, "account.created", target=f"=cmd|{n}")
    answer, body = await export(owner, workspace, "audit-csv", action="account.created")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [row["target"] for row in rows] == [f"'=cmd|{n}" for n in reversed(range(1203))]
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-')
    exported = await AuditEntry.objects.aget(action="audit.exported")
    assert exported.detail == {"filter": {"action": "account.created"}}


@pytest.mark.django_db(transaction=True)
async def test_ndjson_is_one_object_a_line(workspace, owner):
    from asgiref.sync import sync_to_async

    await sync_to_async(entry)(workspace, "a.b", color="blue")
    await sync_to_async(entry)(await sync_to_async(WorkspaceFactory)(), "foreign.row")
    _, body = await export(owner, workspace, "audit-ndjson")
    rows = [json.loads(line) for line in body.splitlines()]
    assert {row["action"] for row in rows} == {"a.b", "person.signed_in", "audit.exported"}
    assert next(row for row in rows if row["action"] == "a.b")["detail"] == {"color": "blue"}
