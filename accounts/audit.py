"""Who did what to which object, from where. The only writer and the only reader of the log.

Rule: rows are appended, never changed. The model refuses it, and on PostgreSQL a trigger does. Only
the end of a workspace takes its rows along: `purging`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from . import origin, wall
from .models import ApiKey, AuditEntry, User, Workspace

SYSTEM = "system"


def person(user: User) -> str:
    return f"user:{user.email}"


def program(key: ApiKey) -> str:
    return f"key:{key.prefix}"


def record(
    *, workspace: Workspace | None, actor: str, action: str, target: str, **detail: Any
) -> None:
    """Append to the log of a workspace; without one to the installation's."""
    came = origin.current()
    with wall.inside(workspace.pk if workspace else None):  # also before anybody has entered one
        AuditEntry.objects.create(
            workspace=workspace,
            actor=actor[:200],
            action=action,
            target=target[:200],
            detail=detail,
            ip=came.ip,
            user_agent=came.user_agent[:300],
            request_id=came.request_id,
        )


def record_of_person(user: User, *, action: str, actor: str = "", **detail: Any) -> None:
    """What concerns a person and not one workspace (signing in, a second factor).

    Each workspace of the person gets a row, as each has to know who can get in; no row tells of
    the others. Somebody without a workspace gets one row in the installation's log.
    """
    mine: list[Workspace | None] = list(Workspace.objects.filter(memberships__user=user))
    for workspace in mine or [None]:
        record(
            workspace=workspace,
            actor=actor or person(user),
            action=action,
            target=user.email,
            **detail,
        )


def search(
    entries: QuerySet[AuditEntry],
    *,
    actor: str = "",
    action: str = "",
    target: str = "",
    actors: Sequence[str] = (),
    targets: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEntry]:
    """Those that fit. `action` is a name, or the start of some with the dot: `account.`

    `actors` and `targets` are taken besides those that `actor` and `target` are a part of.
    """
    if actor:
        entries = entries.filter(Q(actor__icontains=actor) | Q(actor__in=actors))
    if action.endswith("."):
        entries = entries.filter(action__startswith=action)
    elif action:
        entries = entries.filter(action=action)
    if target:
        entries = entries.filter(Q(target__icontains=target) | Q(target__in=targets))
    if since:
        entries = entries.filter(at__gte=since)
    if until:
        entries = entries.filter(at__lt=until)
    return entries


@contextmanager
def purging() -> Iterator[None]:
    """One transaction in which audit rows may be deleted: the end of a workspace."""
    with transaction.atomic():
        _let_delete("on")
        yield
        _let_delete("off")


def _let_delete(switch: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('switchboard.purging', %s, true)", [switch])
