"""Verbs on workspaces, people and keys. Each is one transaction and writes the audit row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from . import wall
from .models import ApiKey, AuditEntry, Membership, Role, Scope, User, Workspace


class NameTaken(Exception):
    """A workspace with this name exists already."""


def record(
    *, workspace: Workspace | None, actor: str, action: str, target: str, **detail: Any
) -> None:
    """Append to the audit log of a workspace; without one to the installation's."""
    with wall.inside(workspace.pk if workspace else None):  # also before anybody has entered one
        AuditEntry.objects.create(
            workspace=workspace,
            actor=actor[:200],
            action=action,
            target=target[:200],
            detail=detail,
        )


def create_workspace(*, name: str, owner: User, actor: str = "system") -> Workspace:
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(name=name)
    except IntegrityError:
        raise NameTaken(name) from None
    with transaction.atomic():
        Membership.objects.create(workspace=workspace, user=owner, role=Role.OWNER)
        record(workspace=workspace, actor=actor, action="workspace.created", target=name)
    return workspace


def check_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes in a fixed order. ValidationError names an unknown one."""
    wanted = set(scopes)
    if unknown := wanted - set(Scope.values):
        raise ValidationError(
            f"unknown scope '{sorted(unknown)[0]}'; use {', '.join(Scope.values)}"
        )
    if not wanted:
        raise ValidationError(f"name at least one scope: {', '.join(Scope.values)}")
    return [s for s in Scope.values if s in wanted]


@transaction.atomic
def create_api_key(
    *, workspace: Workspace, name: str, scopes: Iterable[str], actor: str, text: str = ""
) -> tuple[ApiKey, str]:
    """A new key and its text, which nobody can read again. `text` imports an existing one."""
    fields = {"workspace": workspace, "name": name, "scopes": check_scopes(scopes)}
    if text:
        key = ApiKey.objects.import_key(text, **fields)
    else:
        key, text = ApiKey.objects.create_key(**fields)
    record(
        workspace=workspace,
        actor=actor,
        action="api_key.created",
        target=key.prefix,
        scopes=key.scopes,
    )
    return key, text


@transaction.atomic
def revoke_api_key(*, key: ApiKey, actor: str) -> bool:
    """The key stops working at once. False when it had been revoked before."""
    changed = ApiKey.objects.filter(pk=key.pk, revoked=False).update(revoked=True)
    if changed:
        record(workspace=key.workspace, actor=actor, action="api_key.revoked", target=key.prefix)
    return bool(changed)


def find_or_create_owner(*, email: str, password: str | None) -> tuple[User, bool]:
    """The user with this e-mail, and whether this call made it."""
    validate_email(email)
    existing = User.objects.filter(email=email.lower()).first()
    if existing:
        return existing, False
    return User.objects.create_user(email, password), True
