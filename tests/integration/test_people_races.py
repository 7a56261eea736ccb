"""People who do the same thing at once. On PostgreSQL; SQLite has one writer anyway."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts import invitations, members, services
from accounts.models import ApiKey, AuditEntry, Membership
from tests.factories import UserFactory, WorkspaceFactory, api_key
from tests.races import THREADS, at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


def test_owners_who_all_leave_at_once_leave_one_behind():
    people = [UserFactory() for _ in range(THREADS)]
    workspace = WorkspaceFactory(members=people)
    rows = list(workspace.memberships.all())

    def leave(n):
        try:
            members.leave(membership=rows[n], actor="test")
        except members.LastOwner:
            return "stays"
        return "left"

    assert sorted(at_once(leave)) == ["left"] * (THREADS - 1) + ["stays"]
    assert workspace.memberships.count() == 1
    assert AuditEntry.objects.filter(action="member.left").count() == THREADS - 1


def test_one_of_many_wins_an_invitation():
    workspace = WorkspaceFactory()
    made, _ = invitations.create(workspace=workspace, role="viewer", by="owner", actor="test")
    people = [UserFactory() for _ in range(THREADS)]

    def accept(n):
        try:
            invitations.accept(invitation=made, user=people[n])
        except invitations.Unusable:
            return False
        return True

    assert sum(at_once(accept)) == 1
    assert Membership.objects.filter(workspace=workspace).count() == 1


def test_a_member_removed_twice_is_removed_once():
    workspace = WorkspaceFactory(members=[UserFactory(), (UserFactory(), "viewer")])
    viewer = workspace.memberships.get(role="viewer")
    at_once(lambda n: members.remove(membership=viewer, by="owner", actor="test"))
    assert AuditEntry.objects.filter(action="member.removed").count() == 1


def test_rotations_at_once_leave_the_last_secret_and_the_one_before():
    text = api_key(WorkspaceFactory())
    key = ApiKey.objects.get()
    made = at_once(
        lambda n: services.rotate_api_key(
            key=ApiKey.objects.get(pk=key.pk), actor="test", overlap=timedelta(hours=1)
        )
    )
    working = [t for t in (text, *made) if ApiKey.objects.authenticate(t)]
    assert len(working) == 2
