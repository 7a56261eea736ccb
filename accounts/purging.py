"""Removing everything of a deleted workspace, bit by bit, in the pipeline.

`advance` does one bounded bit and writes down what went. Every bit removes what it finds, so that
whoever dies in between leaves the rest to the next call. First what other apps must end in their
own way (numbers at WhatsApp, files in storages: `before_rows`), then every row of the registry in
tenants.py, children first, with the files that rows name; then members, keys and the workspace.
Of all that one entry remains, in the installation's own audit log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import FileField, Model, QuerySet

from . import audit, services, tenants, wall
from .models import Workspace
from .storage_errors import storage_errors
from .tenant_models import WorkspacePurge

logger = logging.getLogger(__name__)

BATCH = 2000  # rows per bit
BATCH_OF_FILES = 100  # of rows that name files: the storage is asked for each
LEASE = timedelta(minutes=2)  # a pipeline that died gives its purge back after this
WAIT = timedelta(seconds=5)  # between looks at what others still have to do
RETRY = timedelta(minutes=1)  # after an error


@dataclass(frozen=True, slots=True)
class Bit:
    """What one call removed, and what it has to wait for. Nothing of either: the step is done."""

    removed: int = 0
    waits_for: str = ""


Step = Callable[[WorkspacePurge, datetime], Bit]
_before_rows: dict[str, Step] = {}


def before_rows(name: str, step: Step) -> None:
    """Have `step` called, in the order of registration, until it is done."""
    _before_rows[name] = step


def is_gone(workspace_id: UUID) -> bool:
    """Whether the workspace was deleted: what still arrives for it is not to be kept."""
    return WorkspacePurge.objects.filter(workspace_id=workspace_id).exists()


def advance(at: datetime) -> bool:
    """One bit of one purge. True when there may be more to do at once."""
    purge = _claim(at)
    if purge is None:
        return False
    try:
        name, bit = _work(purge, at)
    except (DatabaseError, OSError) as exc:
        logger.exception("purge of workspace %s: it goes on in a minute", purge.workspace_id)
        _note(purge, error=str(exc)[:300], next_try_at=at + RETRY)
        return False
    removed = dict(purge.removed)
    if bit.removed:
        removed[name] = removed.get(name, 0) + bit.removed
    if name == _END:
        _note(purge, step="", waits_for="", error="", removed=removed, finished_at=at)
        _tell(purge, removed)
        return True
    wait = WAIT if bit.waits_for and not bit.removed else timedelta()
    _note(
        purge, step=name, waits_for=bit.waits_for, error="", removed=removed, next_try_at=at + wait
    )
    return not wait


_END = "workspace"


@transaction.atomic
def _claim(at: datetime) -> WorkspacePurge | None:
    due = WorkspacePurge.objects.filter(finished_at=None, next_try_at__lte=at)
    purge = due.select_for_update(skip_locked=True).order_by("next_try_at").first()
    if purge is not None:
        _note(purge, next_try_at=at + LEASE)
    return purge


def _work(purge: WorkspacePurge, at: datetime) -> tuple[str, Bit]:
    """The first step that is not done yet does a bit."""
    for name, step in _before_rows.items():
        bit = step(purge, at)
        if bit.removed or bit.waits_for:
            return name, bit
    for model, tenant in tenants.deletion_order():
        if model is WorkspacePurge:
            continue
        rows = model._base_manager.filter(**{tenants.lookup(tenant): purge.workspace_id})
        removed = _remove(model, rows)
        if removed:
            return tenant.export or str(model._meta.verbose_name_plural), Bit(removed)
    return _END, Bit(_remove_workspace(purge.workspace_id))


def _remove(model: type[Model], rows: QuerySet[Any]) -> int:
    files = [field for field in model._meta.concrete_fields if isinstance(field, FileField)]
    keys = list(rows.values_list("pk", flat=True)[: BATCH_OF_FILES if files else BATCH])
    if not keys:
        return 0
    batch = model._base_manager.filter(pk__in=keys)
    # Before the transaction: it would wait for the storage. Files without their rows would be found
    # by nobody, rows without their files are found by the next call.
    _remove_files(files, batch)
    return _remove_rows(batch)


@transaction.atomic
def _remove_rows(batch: QuerySet[Any]) -> int:
    # Most of what points at these rows went before them; where tables point at each other, Django
    # unties them.
    with audit.purging():
        return int(batch.delete()[0])


def _remove_files(fields: list[FileField], rows: QuerySet[Any]) -> None:
    """The files that rows name. One that is gone already is no error."""
    for field in fields:
        for name in rows.exclude(**{field.name: ""}).values_list(field.name, flat=True):
            if name:
                with storage_errors():
                    field.storage.delete(name)


@transaction.atomic
def _remove_workspace(workspace_id: UUID) -> int:
    """The workspace with its members, keys and tickets."""
    with audit.purging():
        return int(Workspace.objects.filter(pk=workspace_id).delete()[0])


def _note(purge: WorkspacePurge, **values: Any) -> None:
    WorkspacePurge.objects.filter(pk=purge.pk).update(**values)
    for name, value in values.items():
        setattr(purge, name, value)


def _tell(purge: WorkspacePurge, removed: dict[str, int]) -> None:
    with wall.everything():
        services.record(
            workspace=None,
            actor=purge.requested_by,
            action="workspace.purged",
            target=f"{purge.name} {purge.workspace_id}",
            requested_at=purge.requested_at.isoformat(),
            removed=removed,
        )
    logger.info("purge of workspace %s: done, %s", purge.workspace_id, removed)
