"""Who belongs to a workspace: change a role, remove, leave. A workspace keeps an owner, always."""

from __future__ import annotations

from django.db import transaction

from .audit import record
from .models import Membership, Role, Workspace
from .roles import may_handle


class LastOwner(Exception):
    """This is the last owner of the workspace. Make somebody else an owner first."""

    def __str__(self) -> str:
        return str(self.__doc__)


class NotAllowed(Exception):
    """Only an owner can make, change or remove owners."""

    def __str__(self) -> str:
        return str(self.__doc__)


@transaction.atomic
def change_role(*, membership: Membership, role: str, by: str, actor: str) -> bool:
    """False when it was the role already, or the member is gone. `by` is the role of who asks."""
    current = _locked(membership)
    if current is None:
        return False
    if not (may_handle(by, current.role) and may_handle(by, role)):
        raise NotAllowed
    if current.role == role:
        return False
    _keep_an_owner(current, leaves=role != Role.OWNER)
    Membership.objects.filter(pk=current.pk).update(role=role)
    record(
        workspace=current.workspace,
        actor=actor,
        action="member.role_changed",
        target=current.user.email,
        previous=current.role,
        role=role,
    )
    membership.role = role
    return True


@transaction.atomic
def remove(*, membership: Membership, by: str, actor: str) -> None:
    """The person cannot open the workspace from now on; open feeds end within seconds."""
    current = _locked(membership)
    if current is None:
        return
    if not may_handle(by, current.role):
        raise NotAllowed
    _end(current, actor=actor, action="member.removed")


@transaction.atomic
def leave(*, membership: Membership, actor: str) -> None:
    """What a person does for itself, whatever its role."""
    current = _locked(membership)
    if current is not None:
        _end(current, actor=actor, action="member.left")


def _end(membership: Membership, *, actor: str, action: str) -> None:
    _keep_an_owner(membership, leaves=True)
    record(
        workspace=membership.workspace,
        actor=actor,
        action=action,
        target=membership.user.email,
        role=membership.role,
    )
    Membership.objects.filter(pk=membership.pk).delete()


def _locked(membership: Membership) -> Membership | None:
    """As it is now; None when somebody was faster.

    The workspace is locked, so that two owners cannot remove each other.
    """
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    found = Membership.objects.select_related("user", "workspace").filter(pk=membership.pk)
    return found.first()


def _keep_an_owner(membership: Membership, *, leaves: bool) -> None:
    if not leaves or membership.role != Role.OWNER:
        return
    others = Membership.objects.filter(
        workspace=membership.workspace_id, role=Role.OWNER, user__is_active=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise LastOwner
