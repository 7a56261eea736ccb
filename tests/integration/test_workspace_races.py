"""A workspace suspended, resumed and deleted at once. On PostgreSQL: SQLite has one writer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts import lifecycle
from accounts.models import AuditEntry, Workspace
from accounts.tenant_models import WorkspacePurge
from sessions_mgr.models import Session
from sessions_mgr.states import Desired
from tests.factories import AccountFactory, WorkspaceFactory
from tests.life import start
from tests.product import eventually
from tests.races import THREADS, at_once, needs_many_writers, somebody_waits_for_us

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

NUMBERS = 3


@pytest.fixture
def ours():
    workspace = WorkspaceFactory()
    for _ in range(NUMBERS):
        start(AccountFactory(workspace=workspace))
    return workspace


def connected(workspace) -> int:
    return Session.objects.filter(account__workspace=workspace, desired=Desired.CONNECTED).count()


def done(workspace) -> list[str]:
    found = AuditEntry.objects.filter(workspace=workspace, action__startswith="workspace.")
    return list(found.order_by("pk").values_list("action", flat=True))


def resume(workspace):
    try:
        return lifecycle.resume(workspace=workspace, actor="test")
    finally:
        connection.close()


@needs_many_writers
def test_resuming_what_is_just_being_suspended_brings_its_numbers_back(ours):
    other = Workspace.objects.get(pk=ours.pk)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert lifecycle.suspend(workspace=ours, actor="test")
            resumed = pool.submit(resume, other)
            eventually(somebody_waits_for_us, what="resume waits for suspend")
        assert resumed.result(timeout=30)
    assert connected(ours) == NUMBERS


def test_many_who_resume_are_one_and_all_numbers_are_back(ours):
    lifecycle.suspend(workspace=ours, actor="test")
    assert connected(ours) == 0
    results = at_once(lambda _n: resume(Workspace.objects.get(pk=ours.pk)))
    assert sorted(results) == [False] * (THREADS - 1) + [True]
    assert connected(ours) == NUMBERS
    assert done(ours) == ["workspace.suspended", "workspace.resumed"]


def test_a_storm_of_both_ends_with_all_numbers_or_none(ours):
    verbs = (lifecycle.suspend, lifecycle.resume)

    def turn(n):
        return verbs[n % 2](workspace=Workspace.objects.get(pk=ours.pk), actor="test")

    at_once(turn, times=24)
    ours.refresh_from_db()
    assert connected(ours) == (0 if ours.suspended_at else NUMBERS)
    assert len(ours.resumes) == (NUMBERS if ours.suspended_at else 0)
    lifecycle.resume(workspace=ours, actor="test")
    assert connected(ours) == NUMBERS


def test_many_who_delete_are_one(ours):
    def delete(_n):
        return lifecycle.delete(workspace=Workspace.objects.get(pk=ours.pk), actor="test").pk

    assert set(at_once(delete)) == {WorkspacePurge.objects.get().pk}
    assert done(ours) == ["workspace.deleted"]
