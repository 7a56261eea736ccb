"""The life of a workspace: renamed, suspended, resumed, deleted. Each verb is idempotent.

What this means for numbers and the like is the business of the apps that have them: they take part
(`take_part`) when Django starts, as this app knows none of them. Purging is in purging.py.
"""

from __future__ import annotations

from typing import Protocol

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from . import services, wall
from .models import ApiKey, Workspace
from .tenant_models import WorkspacePurge

SUSPENDED = "workspace_suspended"


class Participant(Protocol):
    def suspended(self, workspace: Workspace, actor: str) -> list[str]:
        """Stop what runs, in the same transaction. Returns the numbers to bring back later."""
        ...

    def resumed(self, workspace: Workspace, actor: str, numbers: list[str]) -> None:
        """Bring back what `suspended` had stopped."""
        ...


_participants: list[Participant] = []


def take_part(participant: Participant) -> None:
    if participant not in _participants:
        _participants.append(participant)


def suspension(workspace: Workspace) -> str:
    """Why nobody may work in this workspace now, as a sentence; empty when everybody may."""
    if not workspace.suspended_at:
        return ""
    said = workspace.suspended_reason.rstrip(". ")
    values = {"name": workspace.name, "reason": f": {said}" if said else ""}
    return (
        _(
            "The workspace %(name)s is suspended%(reason)s. "
            "An administrator of the installation can resume it."
        )
        % values
    )


@transaction.atomic
def rename(*, workspace: Workspace, name: str, actor: str) -> None:
    """services.NameTaken when another workspace has the name."""
    before = workspace.name
    if name == before:
        return
    try:
        with transaction.atomic():
            Workspace.objects.filter(pk=workspace.pk).update(name=name)
    except IntegrityError:
        raise services.NameTaken(name) from None
    workspace.name = name
    services.record(
        workspace=workspace, actor=actor, action="workspace.renamed", target=name, before=before
    )


@transaction.atomic
def suspend(*, workspace: Workspace, actor: str, reason: str = "") -> bool:
    """Keys and sign-ins are refused, numbers disconnected, webhooks wait. False: it was already."""
    at = timezone.now()
    changed = Workspace.objects.filter(pk=workspace.pk, suspended_at=None, deleted_at=None).update(
        suspended_at=at, suspended_reason=reason[:200]
    )
    if not changed:
        return False
    workspace.suspended_at, workspace.suspended_reason = at, reason[:200]
    with wall.inside(workspace.pk):
        numbers = [n for p in _participants for n in p.suspended(workspace, actor)]
    Workspace.objects.filter(pk=workspace.pk).update(resumes=numbers)
    workspace.resumes = numbers
    services.record(
        workspace=workspace,
        actor=actor,
        action="workspace.suspended",
        target=workspace.name,
        reason=reason,
        numbers=len(numbers),
    )
    return True


@transaction.atomic
def resume(*, workspace: Workspace, actor: str) -> bool:
    """As before the suspension; its numbers connect again. False: it was not suspended."""
    numbers = list(_locked(workspace).resumes)
    changed = (
        Workspace.objects.filter(pk=workspace.pk, deleted_at=None)
        .exclude(suspended_at=None)
        .update(suspended_at=None, suspended_reason="", resumes=[])
    )
    if not changed:
        return False
    workspace.suspended_at, workspace.suspended_reason, workspace.resumes = None, "", []
    with wall.inside(workspace.pk):
        for participant in _participants:
            participant.resumed(workspace, actor, numbers)
    services.record(
        workspace=workspace, actor=actor, action="workspace.resumed", target=workspace.name
    )
    return True


@transaction.atomic
def delete(*, workspace: Workspace, actor: str) -> WorkspacePurge:
    """Nobody gets in any more, and everything of it is purged in the background. No way back."""
    with wall.inside(workspace.pk):
        _locked(workspace)
        existing = WorkspacePurge.objects.filter(workspace_id=workspace.pk).first()
        if existing is not None:
            return existing
        at = timezone.now()
        Workspace.objects.filter(pk=workspace.pk).update(deleted_at=at, resumes=[])
        workspace.deleted_at = at
        ApiKey.objects.filter(workspace=workspace, revoked=False).update(revoked=True)
        for participant in _participants:
            participant.suspended(workspace, actor)
        services.record(
            workspace=workspace, actor=actor, action="workspace.deleted", target=workspace.name
        )
        return WorkspacePurge.objects.create(
            workspace_id=workspace.pk, name=workspace.name, requested_by=actor[:200]
        )


def _locked(workspace: Workspace) -> Workspace:
    """The row as it is, until the end of this transaction: whoever suspends, resumes or deletes it
    meanwhile is waited for. What points at it may be written all the while."""
    return Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
