"""Verbs on workspaces and keys. Each is one transaction and writes the audit row.

Members and invitations have modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from .audit import record as record
from .models import ApiKey, Membership, Role, Scope, User, WhatsAppAccount, Workspace

MAX_OVERLAP = timedelta(hours=24)  # the old secret of a rotated key works this long at most


class NameTaken(Exception):
    """A workspace with this name exists already."""


class NotChangeable(Exception):
    """A revoked or expired key cannot be changed: make a new key."""


class NotRotatable(Exception):
    """A revoked or expired key gets no new secret: make a new key."""


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


def check_accounts(
    workspace: Workspace,
    accounts: Iterable[UUID] | None,
    scopes: Iterable[str],
    had: Iterable[UUID] = (),
) -> list[str] | None:
    """The ids as they are stored; None: all accounts. ValidationError says what is wrong.

    Those that a key `had` may stay, also when they were deleted since.
    """
    if accounts is None:
        return None
    wanted = set(accounts)
    if not wanted:
        raise ValidationError("name at least one account, or null for all")
    if Scope.ADMIN in scopes:
        raise ValidationError("a key with the scope 'admin' cannot be restricted to accounts")
    mine = WhatsAppAccount.objects.present().reachable(workspace.pk, wanted)
    if missing := wanted - set(had) - set(mine.values_list("pk", flat=True)):
        raise ValidationError(f"there is no account '{min(map(str, missing))}' in this workspace")
    return sorted(map(str, wanted))


@transaction.atomic
def create_api_key(
    *,
    workspace: Workspace,
    name: str,
    scopes: Iterable[str],
    actor: str,
    text: str = "",
    accounts: Iterable[UUID] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which nobody can read again. `text` imports an existing one."""
    scopes = check_scopes(scopes)
    fields = {
        "workspace": workspace,
        "name": name,
        "scopes": scopes,
        "accounts": check_accounts(workspace, accounts, scopes),
        "created_by": actor,
        "expiry_date": expires_at,
    }
    if text:
        key = ApiKey.objects.import_key(text, **fields)
    else:
        key, text = ApiKey.objects.create_key(**fields)
    record(
        workspace=workspace,
        actor=actor,
        action="api_key.created",
        target=key.prefix,
        name=name,
        scopes=key.scopes,
        accounts=key.accounts,
        expires_at=expires_at.isoformat() if expires_at else None,
    )
    return key, text


@transaction.atomic
def rotate_api_key(*, key: ApiKey, actor: str, overlap: timedelta) -> str:
    """A new text for the key; the old one works beside it for `overlap`, 24 hours at most.

    A text that was still in its overlap stops now. NotRotatable when the key works no more.
    """
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise ValidationError("use an overlap from 0 to 24 hours")
    old = ApiKey.objects.working().select_for_update().filter(pk=key.pk).first()
    if old is None:
        raise NotRotatable
    text: str
    text, prefix, hashed = ApiKey.objects.key_generator.generate()
    now = timezone.now()
    ApiKey.objects.filter(pk=key.pk).update(
        prefix=prefix,
        hashed_key=hashed,
        rotated_at=now,
        old_prefix=old.prefix if overlap else "",
        old_hashed_key=old.hashed_key if overlap else "",
        old_until=now + overlap if overlap else None,
    )
    record(
        workspace=key.workspace,
        actor=actor,
        action="api_key.rotated",
        target=prefix,
        name=key.name,
        old_prefix=old.prefix,
        overlap_hours=overlap / timedelta(hours=1),
    )
    key.refresh_from_db()
    return text


@transaction.atomic
def change_api_key(*, key: ApiKey, actor: str, **changes: Any) -> ApiKey:
    """Another name, other scopes or other accounts (None: all); what is not named stays.

    The key's secret stays the same, so programs go on; an open feed that it may no longer read is
    closed at its next look. NotChangeable when the key works no more, ValidationError says what is
    wrong. Nothing is written down when nothing changes.
    """
    old = ApiKey.objects.working().select_for_update().filter(pk=key.pk).first()
    if old is None:
        raise NotChangeable
    scopes = check_scopes(changes.get("scopes", old.scopes))
    accounts = changes.get("accounts", old.only)
    wanted = {
        "name": changes.get("name", old.name),
        "scopes": scopes,
        "accounts": check_accounts(old.workspace, accounts, scopes, had=old.only or ()),
    }
    changed = {n: value for n, value in wanted.items() if getattr(old, n) != value}
    if changed:
        ApiKey.objects.filter(pk=key.pk).update(**changed)
        record(
            workspace=old.workspace,
            actor=actor,
            action="api_key.changed",
            target=old.prefix,
            before={name: getattr(old, name) for name in changed},
            after=changed,
        )
    key.refresh_from_db()
    return key


@transaction.atomic
def revoke_api_key(*, key: ApiKey, actor: str) -> bool:
    """The key stops working at once. False when it had been revoked before."""
    changed = ApiKey.objects.filter(pk=key.pk, revoked=False).update(revoked=True)
    if changed:
        record(
            workspace=key.workspace,
            actor=actor,
            action="api_key.revoked",
            target=key.prefix,
            name=key.name,
        )
    return bool(changed)


def find_or_create_owner(*, email: str, password: str | None) -> tuple[User, bool]:
    """The user with this e-mail, and whether this call made it."""
    validate_email(email)
    existing = User.objects.filter(email=email.lower()).first()
    if existing:
        return existing, False
    return User.objects.create_user(email, password), True
