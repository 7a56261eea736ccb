"""Suspended, resumed, deleted: what a workspace's life means for everybody in it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async as in_thread
from django.test import Client
from django.utils import timezone

from accounts import lifecycle, purging, services, tenants
from accounts.models import ApiKey, AuditEntry, Role, WhatsAppAccount, Workspace
from accounts.tenant_models import WorkspacePurge
from config.asgi import application
from events.models import Event
from messaging import ingest
from messaging.models import Message, UnreadFact
from sessions_mgr import assignments
from sessions_mgr.engines import base
from sessions_mgr.models import Session, StorePurge, StoreSnapshot
from sessions_mgr.states import Status
from tests.factories import (
    AccountFactory,
    UserFactory,
    WorkspaceFactory,
    api_key,
    endpoint,
    many_events,
)
from tests.isolation.cast import tenant
from tests.life import connected_account
from tests.sockets import PatientSocket
from webhooks import ledger
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return UserFactory()


@pytest.fixture
def ours(owner):
    return WorkspaceFactory(members=[owner, (UserFactory(), Role.ADMIN)])


@pytest.fixture
def browser(owner):
    client = Client()
    client.force_login(owner)
    return client


def suspend(workspace, **more):
    workspace.refresh_from_db()
    return lifecycle.suspend(workspace=workspace, actor="test", **more)


# Suspended ----------------------------------------------------------------------------------------


def test_a_key_of_a_suspended_workspace_is_told_so(ours):
    headers = {"X-Api-Key": api_key(ours)}
    assert suspend(ours, reason="bill not paid")
    answer = Client().get("/api/v1/accounts", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "workspace_suspended")
    assert "bill not paid" in answer.json()["detail"]


def test_a_member_of_a_suspended_workspace_sees_why(ours, browser):
    suspend(ours, reason="bill not paid")
    page = browser.get(f"/workspaces/{ours.pk}/numbers/")
    assert page.status_code == 403
    assert b"bill not paid" in page.content
    assert page["X-Problem-Code"] == "workspace_suspended"


def test_an_outsider_does_not_learn_that_it_is_suspended(ours):
    suspend(ours)
    other = Client()
    other.force_login(UserFactory())
    assert other.get(f"/workspaces/{ours.pk}/numbers/").status_code == 404


def test_its_numbers_are_disconnected_and_come_back(ours):
    account = connected_account(workspace=ours)
    idle = AccountFactory(workspace=ours)
    suspend(ours)
    assert Session.objects.get(pk=account.pk).status == Status.DISCONNECTED
    assert lifecycle.resume(workspace=ours, actor="test")
    assert Session.objects.get(pk=account.pk).desired == "connected"
    assert Session.objects.get(pk=idle.pk).desired == "disconnected"


def test_suspending_and_resuming_twice_is_once(ours):
    account = connected_account(workspace=ours)
    assert suspend(ours)
    assert not suspend(ours, reason="again")
    assert lifecycle.resume(workspace=ours, actor="test")
    assert not lifecycle.resume(workspace=ours, actor="test")
    assert Session.objects.get(pk=account.pk).desired == "connected"
    actions = AuditEntry.objects.filter(workspace=ours).order_by("pk")
    assert [a.action for a in actions if a.action.startswith("workspace.")] == [
        "workspace.suspended",
        "workspace.resumed",
    ]


def test_its_webhooks_wait_and_go_on(ours):
    hook = endpoint(ours)
    services.record(workspace=ours, actor="test", action="x", target="x")
    account = connected_account(workspace=ours)
    suspend(ours)
    assert Delivery.objects.filter(endpoint=hook).exists()
    at = timezone.now() + timedelta(seconds=5)
    assert ledger.turn(claim="w:1:a", at=at) == []
    lifecycle.resume(workspace=ours, actor="test")
    assert {c.endpoint_id for c in ledger.turn(claim="w:1:a", at=at)} == {hook.pk}
    assert account


@pytest.mark.django_db(transaction=True)
async def test_its_feed_is_refused_and_an_open_one_loses_its_right():
    workspace = await in_thread(WorkspaceFactory)()
    key = await in_thread(api_key)(workspace)

    def socket():
        return PatientSocket(
            application, "/ws/v1/events", subprotocols=["switchboard.v1", f"bearer.{key}"]
        )

    from realtime import access

    grant = await in_thread(access.grant_for)(
        user=None, protocols=[f"bearer.{key}"], ticket="", workspace_id=""
    )
    assert await in_thread(grant.holds)()
    await in_thread(suspend)(workspace)
    assert not await in_thread(grant.holds)()
    refused = socket()
    await refused.connect()
    frame = await refused.receive_json_from()
    assert frame["code"] == "workspace_suspended"
    assert (await refused.receive_output())["code"] == 4403


# Deleted ------------------------------------------------------------------------------------------


def finish(at=None, turns=400):
    at = at or timezone.now()
    for _ in range(turns):
        at += timedelta(seconds=6)
        for account, _workspace, _node in assignments.purge_requested():
            assignments.purge_done(account)
        Session.objects.filter(unlink_pending=True).update(unlink_pending=False)
        purging.advance(at)
        if not WorkspacePurge.objects.filter(finished_at=None).exists():
            return
    raise AssertionError(WorkspacePurge.objects.values())


def rows_of(workspace):
    return {
        model._meta.label: count
        for model, line in tenants.models()
        if model is not WorkspacePurge
        and (count := model._base_manager.filter(**{tenants.lookup(line): workspace.pk}).count())
    }


def test_nothing_of_a_deleted_workspace_remains_but_one_audit_entry():
    mine, other = tenant("mine", "+15557770001"), tenant("other", "+15557770002")
    kept = rows_of(other.workspace)
    assert len(rows_of(mine.workspace)) > 8
    page = mine.browser.post(
        f"/workspaces/{mine.workspace.pk}/settings/delete",
        {"confirmation": mine.workspace.name},
        follow=True,
    )
    assert page.status_code == 410
    assert b"is being removed" in page.content
    assert Client().get("/api/v1/accounts", headers={"X-Api-Key": mine.key}).status_code == 401
    finish()
    assert rows_of(mine.workspace) == {}
    assert not Workspace.objects.filter(pk=mine.workspace.pk).exists()
    assert not ApiKey.objects.filter(workspace_id=mine.workspace.pk).exists()
    entry = AuditEntry.objects.get(workspace=None)
    assert entry.action == "workspace.purged"
    assert entry.actor == "user:mine@example.test"
    assert entry.detail["removed"]["numbers"] >= 1
    assert rows_of(other.workspace) == kept


def test_the_name_has_to_be_typed(ours, browser):
    answer = browser.post(f"/workspaces/{ours.pk}/settings/delete", {"confirmation": "yes"})
    assert b"exactly as it is written" in answer.content
    ours.refresh_from_db()
    assert ours.deleted_at is None


def test_a_purge_waits_for_the_nodes_and_says_so(ours):
    connected_account(workspace=ours)
    purge = lifecycle.delete(workspace=ours, actor="test")
    at = timezone.now()
    for n in range(5):
        purging.advance(at + timedelta(seconds=6 * n))
    purge.refresh_from_db()
    assert purge.step == "numbers"
    assert "1 numbers to be unlinked" in purge.waits_for
    assert StorePurge.objects.count() == 1
    assert WhatsAppAccount.objects.filter(workspace=ours).exists()


def test_a_purge_does_not_wait_for_ever(ours):
    connected_account(workspace=ours)
    lifecycle.delete(workspace=ours, actor="test")
    at = timezone.now() + timedelta(hours=2)
    for n in range(60):
        purging.advance(at + timedelta(seconds=6 * n))
    assert not Workspace.objects.filter(pk=ours.pk).exists()


def test_a_purge_goes_on_where_it_was_interrupted(ours, monkeypatch):
    monkeypatch.setattr(purging, "BATCH", 10)
    many_events(ours, 45)
    lifecycle.delete(workspace=ours, actor="test")
    at = timezone.now()
    while Event.objects.filter(workspace=ours).count() > 25:
        purging.advance(at := at + timedelta(seconds=6))
    # A pipeline dies in the middle: what it claimed comes back by itself.
    claimed = purging._claim(at + timedelta(seconds=6))
    assert claimed is not None
    assert not purging.advance(at + timedelta(seconds=7))
    finish(at + purging.LEASE + timedelta(seconds=10))
    purge = WorkspacePurge.objects.get()
    assert purge.removed["events"] == 45
    assert purge.finished_at


def test_files_and_snapshots_go_too(ours, monkeypatch):
    from sessions_mgr.snapshots import vault

    account = connected_account(workspace=ours)
    StoreSnapshot.objects.create(
        account=account, reason="manual", device_jid="x", size=1, sha256="", key_id="", path="a/b"
    )
    gone = []
    monkeypatch.setattr(vault.vault(), "delete", gone.append, raising=False)
    lifecycle.delete(workspace=ours, actor="test")
    finish()
    assert gone == ["a/b"]
    assert not StoreSnapshot.objects.exists()


def test_what_still_arrives_for_it_is_not_kept(ours):
    account = connected_account(workspace=ours)
    lifecycle.delete(workspace=ours, actor="test")
    finish()
    body = json.dumps(
        {
            "id": "01J", "workspace_id": str(ours.pk), "account_id": str(account.pk),
            "epoch": 1, "at": 1.0, **base.LoggedOut().to_wire(),
        }
    ).encode()  # fmt: skip
    ingest.store_entry("evt.x", body)
    assert not UnreadFact.objects.exists()
    assert not Message.objects.exists()
