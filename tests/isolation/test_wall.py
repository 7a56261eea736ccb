"""The second wall: what PostgreSQL shows when a query forgets its workspace. And that no model of
ours can be left outside of it by accident."""

from __future__ import annotations

import asyncio
import threading

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import CASCADE
from django.test import Client

from accounts import tenants, wall
from accounts.models import Role, WhatsAppAccount
from config import doctor, policies
from config.retention import forget_old
from events.models import Event
from messaging.models import Message, Upload
from sessions_mgr.models import Session
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory, api_key
from tests.isolation.cast import tenant
from tests.life import connected_account
from webhooks.models import Attempt, Delivery, Endpoint

pytestmark = pytest.mark.django_db

on_postgres = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no wall")


@pytest.fixture
def two():
    return tenant("ours", "+15557770001"), tenant("theirs", "+15557770002")


# The registry -------------------------------------------------------------------------------------


def sorted_in(model):
    tables = (tenants.TENANTS, tenants.INSTALLATION, tenants.EXEMPT)
    return [table for table in tables if model._meta.label in table]


@pytest.mark.parametrize("model", list(tenants.our_models()), ids=lambda m: m._meta.label)
def test_every_model_says_whose_its_rows_are(model):
    assert len(sorted_in(model)) == 1, (
        f"{model._meta.label}: name it once in accounts/tenants.py, with its way to the workspace,"
        " as the installation's, or as exempt with the reason"
    )


def test_the_registry_names_no_model_that_is_gone():
    known = {m._meta.label for m in tenants.our_models()}
    assert {*tenants.TENANTS, *tenants.INSTALLATION, *tenants.EXEMPT} <= known


def test_every_app_of_ours_is_looked_at():
    with_models = {
        config.name
        for config in apps.get_app_configs()
        if list(config.get_models()) and not config.path.count("site-packages")
    }
    assert with_models == set(tenants.OUR_APPS)


@pytest.mark.parametrize("label", tenants.TENANTS)
def test_each_way_leads_to_the_workspace(label):
    model, line = apps.get_model(label), tenants.TENANTS[label]
    for name in line.path.split("__"):
        field = model._meta.get_field(name)
        model = field.related_model or model
    assert model._meta.label == "accounts.Workspace" or line.path == "workspace_id"


def test_a_purge_takes_children_before_what_they_point_at():
    order = [model for model, _ in tenants.deletion_order()]
    assert len(order) == len(tenants.TENANTS)
    for model in order:
        for field in model._meta.concrete_fields:
            other = field.related_model
            if other in order and other is not model and field.remote_field.on_delete is CASCADE:
                assert order.index(model) < order.index(other), f"{model} points at {other}"


def test_what_is_exempt_has_its_reason():
    assert all(len(reason) > 10 for reason in tenants.EXEMPT.values())


# The server ---------------------------------------------------------------------------------------


@on_postgres
def test_the_tests_are_an_ordinary_role_and_every_table_is_walled_in():
    name, held = policies.role(connection)
    assert held, f"{name} passes the wall; these tests would prove nothing"
    assert policies.missing(connection) == []


@on_postgres
def test_a_query_without_a_filter_returns_only_the_own_rows(two):
    ours, _theirs = two
    for model, line in tenants.models():
        with wall.inside(ours.workspace.pk):
            seen = set(model._base_manager.values_list("pk", flat=True))
        with wall.everything():
            key = tenants.lookup(line)
            mine = set(
                model._base_manager.filter(**{key: ours.workspace.pk}).values_list("pk", flat=True)
            )
            everybodys = model._base_manager.count()
        assert seen == mine, model
        if mine:
            assert everybodys > len(mine), f"{model}: the other one has none, so nothing is proved"


@on_postgres
def test_without_a_tenant_nothing_is_seen(two):
    labels = [*tenants.TENANTS, *tenants.INSTALLATION]
    with wall.closed():
        assert [la for la in labels if apps.get_model(la)._base_manager.exists()] == []


@on_postgres
def test_a_connection_that_was_never_told_sees_nothing(two):
    with connection.cursor() as cursor:
        cursor.execute("RESET switchboard.workspace")
        cursor.connection.execute("RESET switchboard.workspace")
        rows = cursor.connection.execute("SELECT count(*) FROM accounts_whatsappaccount").fetchone()
    connection._told = None
    assert rows == (0,)


@on_postgres
def test_rows_for_somebody_else_are_refused(two):
    ours, theirs = two
    other = theirs.workspace
    with wall.everything():
        their_number = WhatsAppAccount.objects.get(workspace=other)
    with wall.inside(ours.workspace.pk):
        for insert in (
            lambda: WhatsAppAccount.objects.create(workspace=other, label="planted"),
            lambda: Message.objects.create(
                account=their_number, wa_id="x", direction="in", chat={}, sender={},
                type="text", timestamp=their_number.created_at,
            ),
            lambda: WhatsAppAccount.objects.update(workspace=other),
        ):  # fmt: skip
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                insert()
        assert Endpoint.objects.update(description="ours now") == 1
        assert Endpoint.objects.all().delete()[0] >= 1
    with wall.everything():
        kept = Endpoint.objects.get(workspace=other)
        assert kept.description != "ours now"
        assert WhatsAppAccount.objects.filter(workspace=other).count() == 1


@on_postgres
def test_a_request_that_forgot_its_filter_shows_only_the_own_rows(two, monkeypatch):
    from sessions_mgr.api.views import AccountViewSet

    ours, theirs = two
    monkeypatch.setattr(
        AccountViewSet,
        "get_queryset",
        lambda self: WhatsAppAccount.objects.select_related("session"),
    )
    headers = {"X-Api-Key": ours.key}
    answer = Client().get("/api/v1/accounts", headers=headers)
    assert [a["id"] for a in answer.json()["results"]] == [ours.ids["account"]]
    other = Client().get(f"/api/v1/accounts/{theirs.ids['account']}", headers=headers)
    assert other.status_code == 404


@on_postgres
def test_a_page_that_forgot_its_filter_shows_only_the_own_rows(two):
    ours, _theirs = two
    page = ours.browser.get(f"/workspaces/{ours.workspace.pk}/numbers/")
    assert page.status_code == 200
    assert b"ours number" in page.content


@on_postgres
def test_one_request_leaves_nothing_to_the_next(two):
    ours, _ = two
    with wall.closed():
        Client().get("/api/v1/accounts", headers={"X-Api-Key": ours.key})
        assert not WhatsAppAccount.objects.exists()


# The connection -----------------------------------------------------------------------------------


@on_postgres
def test_a_rollback_does_not_leave_a_stale_workspace_behind(two):
    ours, theirs = two
    with wall.inside(ours.workspace.pk):
        assert WhatsAppAccount.objects.count() == 1
        sid = transaction.savepoint()
        with wall.inside(theirs.workspace.pk):
            assert str(WhatsAppAccount.objects.get().pk) == theirs.ids["account"]
            transaction.savepoint_rollback(sid)
            assert str(WhatsAppAccount.objects.get().pk) == theirs.ids["account"]
        assert str(WhatsAppAccount.objects.get().pk) == ours.ids["account"]


@on_postgres
def test_an_error_inside_another_workspace_is_told_as_it_is(two):
    ours, theirs = two
    with wall.inside(ours.workspace.pk):
        refused = pytest.raises(DatabaseError, match="row-level security")
        with refused, transaction.atomic(), wall.inside(theirs.workspace.pk):
            WhatsAppAccount.objects.create(workspace=ours.workspace, label="planted")
        assert WhatsAppAccount.objects.count() == 1


@on_postgres
@pytest.mark.django_db(transaction=True)
async def test_threads_and_tasks_see_the_workspace_of_their_request():
    made = await sync_to_async(lambda: [connected_account(), connected_account()])()
    start = asyncio.Event()

    def look():
        try:
            return sorted(str(pk) for pk in WhatsAppAccount.objects.values_list("pk", flat=True))
        finally:
            connection.close()  # of a thread that nobody else ends

    async def request(account):
        with wall.closed():
            wall.enter(account.workspace_id)
            await start.wait()
            return [await database_sync_to_async(look, thread_sensitive=False)() for _ in range(10)]

    tasks = [asyncio.ensure_future(request(account)) for account in made * 3]
    start.set()
    answers = await asyncio.gather(*tasks)
    assert answers == [[[str(account.pk)]] * 10 for account in made * 3]


def test_a_new_thread_has_the_default_of_its_process():
    seen = []
    with wall.inside("11111111-1111-1111-1111-111111111111"):
        thread = threading.Thread(target=lambda: seen.append(wall.current()))
        thread.start()
        thread.join()
    assert seen == [wall.EVERYTHING]


def test_a_web_process_is_closed_by_default(monkeypatch):
    monkeypatch.setattr(wall, "_default", wall.EVERYTHING)
    wall.close_by_default()
    assert wall.current() == wall.NOBODY


# What goes on as before ---------------------------------------------------------------------------


def test_a_websocket_and_the_stream_are_inside_their_workspace():
    """Proved where they are tested: the suite runs as an ordinary role (tests/with_postgres.py)."""
    from config.asgi import application

    socket = application.application_mapping["websocket"]
    assert type(socket).__name__ == "WalledSockets"


def test_retention_sees_every_workspace(two):
    with wall.everything():
        Upload.objects.all().delete()  # of the cast: rows without a file
        forget_old()
        assert Session.objects.count() == 2
        assert Event.objects.values("workspace").distinct().count() == 2
        assert Delivery.objects.exists()
        assert not Attempt.objects.exists()


def test_metrics_count_everybody(two):
    text = Client().get("/metrics").content.decode()
    assert 'switchboard_sessions{status="connected"} 2.0' in text


def test_a_key_of_one_workspace_reads_its_own(two):
    workspace = WorkspaceFactory(members=[(UserFactory(), Role.OWNER)])
    AccountFactory(workspace=workspace)
    answer = Client().get("/api/v1/accounts", headers={"X-Api-Key": api_key(workspace)})
    assert len(answer.json()["results"]) == 1


# What the doctor says -----------------------------------------------------------------------------


@on_postgres
def test_the_doctor_is_content_with_an_ordinary_role():
    assert doctor.wall().level == "ok"


@on_postgres
def test_the_doctor_names_a_table_without_a_policy():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_event NO FORCE ROW LEVEL SECURITY")
    found = doctor.wall()
    assert found.level == "problem"
    assert "events_event" in found.detail
    assert policies.apply(connection) == ["events_event"]
    assert doctor.wall().level == "ok"


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL has a wall")
def test_the_doctor_says_that_sqlite_has_none():
    assert "SQLite" in doctor.wall().detail


@on_postgres
def test_the_doctor_warns_of_a_role_that_passes(monkeypatch):
    monkeypatch.setattr(policies, "role", lambda connection: ("postgres", False))
    found = doctor.wall()
    assert found.level == "warning"
    assert "postgres" in found.detail
