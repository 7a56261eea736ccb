"""Append to the log, read it by cursor, blank what has become secret and worthless."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Workspace

from . import followers, hints, types
from .models import Event, Log

FORGOTTEN_AT_ONCE = 2000  # events per transaction


class CursorExpired(Exception):
    """The log no longer reaches back to this cursor."""

    def __init__(self, oldest: int) -> None:
        super().__init__(oldest)
        self.oldest = oldest


@transaction.atomic(savepoint=False)
def append(
    *,
    workspace_id: UUID,
    type: str,
    data: dict[str, Any],
    account_id: UUID | None = None,
    occurred_at: datetime | None = None,
    source_id: str | None = None,
) -> Event:
    """Write one event under the next seq of its workspace, in the caller's transaction.

    The row lock on Log is held until that transaction commits: keep it short.
    """
    seq = _next_seq(workspace_id)
    if seq is None:
        Log.objects.get_or_create(workspace_id=workspace_id)
        seq = _next_seq(workspace_id)
        assert seq is not None
    at = timezone.now()
    event = Event.objects.create(
        workspace_id=workspace_id,
        seq=seq,
        type=type,
        account_id=account_id,
        occurred_at=occurred_at or at,
        recorded_at=at,
        data=data,
        source_id=source_id,
    )
    followers.tell(event)
    hints.after_commit(workspace_id, seq)
    return event


def _next_seq(workspace_id: UUID) -> int | None:
    """Count the log on and lock it. None while the workspace has no log. One statement, as every
    event pays for it."""
    table = connection.ops.quote_name(Log._meta.db_table)
    known = Log._meta.pk.get_db_prep_value(workspace_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET last_seq = last_seq + 1"  # noqa: S608  the name of our own table
            " WHERE workspace_id = %s RETURNING last_seq",
            [known],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def take_turn(workspace_id: UUID) -> None:
    """Wait until nobody else appends to this log, and keep it so until the transaction ends. What
    they wrote with their events can be read then."""
    own = Log.objects.filter(workspace_id=workspace_id)
    if own.select_for_update(no_key=True).first() is None:
        Log.objects.get_or_create(workspace_id=workspace_id)
        own.select_for_update(no_key=True).first()


def take_turns(**whose: object) -> None:
    """Lock the logs of the workspaces that these filters of Workspace name, in one order.

    Whoever appends in the course of a transaction holds the log from then on, ingest for a whole
    batch. So that nobody waits in a circle, a transaction that will append takes its turn before
    it locks or changes any other row. SQLite has one writer anyway.
    """
    if not connection.features.has_select_for_update:
        return
    workspaces = Workspace.objects.filter(**whose)
    logs = Log.objects.filter(workspace__in=workspaces).order_by("pk")
    if logs.select_for_update(no_key=True):
        return
    for workspace_id in workspaces.values_list("pk", flat=True):  # nothing has happened there yet
        take_turn(workspace_id)


def nudge(workspace_id: UUID) -> None:
    """Have everybody who follows this log look again, once the transaction is visible."""
    hints.after_commit(workspace_id, head(workspace_id))


def head(workspace_id: UUID) -> int:
    """The seq of the newest event; 0 when there is none."""
    last = Log.objects.filter(workspace_id=workspace_id).values_list("last_seq", flat=True).first()
    return last or 0


def read(
    *,
    workspace_id: UUID,
    after: int,
    limit: int,
    event_types: Collection[str] | None = None,
    account_ids: Iterable[UUID] | None = None,
) -> tuple[list[Event], int]:
    """Events with seq > after, oldest first, and the cursor to go on from.

    The cursor passes over events that the filters leave out. CursorExpired when events after the
    cursor have been deleted by retention.
    """
    log = Log.objects.filter(workspace_id=workspace_id).first()
    if log is None:
        return [], after
    if after + 1 < log.oldest_seq:
        raise CursorExpired(log.oldest_seq)
    events = Event.objects.filter(workspace_id=workspace_id, seq__lte=log.last_seq).after(after)
    if event_types:
        events = events.filter(type__in=event_types)
    if account_ids is not None:
        events = events.filter(account_id__in=list(account_ids))
    found = list(events[:limit])
    if len(found) == limit:
        return found, found[-1].seq
    return found, max(after, log.last_seq)


@transaction.atomic
def blank_codes(
    *, account_id: UUID, before_seq: int | None = None, event_type: str | None = None
) -> None:
    """Remove QR and pairing codes that can no longer be used from the log."""
    kinds = [event_type] if event_type else types.SECRET
    expired = Event.objects.filter(account_id=account_id, type__in=kinds)
    if before_seq is not None:
        expired = expired.filter(seq__lt=before_seq)
    for event in expired.exclude(data__code=None):
        event.data = {**event.data, "code": None}
        event.save(update_fields=["data"])


@transaction.atomic
def forget_before(*, workspace_id: UUID, at: datetime) -> int:
    """Retention: delete what was recorded before `at`. Returns how many events went.

    What a follower still has to tell somebody stays, and with it everything after it.
    """
    old = Event.objects.filter(workspace_id=workspace_id, recorded_at__lt=at)
    needed = followers.oldest_needed(workspace_id)
    if needed is not None:
        old = old.filter(seq__lt=needed)
    newest = old.order_by("-seq").values_list("seq", flat=True).first()
    if newest is None:
        return 0
    Log.objects.filter(workspace_id=workspace_id).update(oldest_seq=newest + 1)
    gone, forgotten = 0, Event.objects.filter(workspace_id=workspace_id, seq__lte=newest)
    while ids := list(forgotten.order_by("seq").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        gone += Event.objects.filter(pk__in=ids).delete()[0]
    return gone
