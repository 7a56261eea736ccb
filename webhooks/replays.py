"""Deliver a range again: preview how much that is, queue it in steps, tell how far it is.

A replay without a status also tells events that the endpoint never had, for example those from
before it was made. One with a status takes only the deliveries that have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from accounts import services as who
from events import services as event_log
from events.models import Event

from . import services
from .models import Delivery, Endpoint, Replay
from .outbox import delivery_of

STEP = 500  # events looked at per turn


@dataclass(frozen=True, slots=True)
class Criteria:
    """What to deliver again. Times are about when the event was recorded."""

    after_seq: int = 0
    until_seq: int | None = None
    after_time: datetime | None = None
    until_time: datetime | None = None
    types: tuple[str, ...] = ()
    status: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
            if value not in (None, (), "", 0)
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Criteria:
        known = dict(raw)
        for name in ("after_time", "until_time"):
            if name in known:
                known[name] = parse_datetime(known[name])
        return cls(**{**known, "types": tuple(known.get("types", ()))})


def _events(endpoint: Endpoint, wanted: Criteria) -> QuerySet[Event]:
    found = Event.objects.filter(workspace_id=endpoint.workspace_id, seq__gt=wanted.after_seq)
    if wanted.until_seq is not None:
        found = found.filter(seq__lte=wanted.until_seq)
    if wanted.after_time:
        found = found.filter(recorded_at__gte=wanted.after_time)
    if wanted.until_time:
        found = found.filter(recorded_at__lte=wanted.until_time)
    if wanted.types:
        found = found.filter(type__in=wanted.types)
    if wanted.status:
        found = found.filter(deliveries__endpoint=endpoint, deliveries__status=wanted.status)
    return found.order_by("seq")


def preview(endpoint: Endpoint, wanted: Criteria) -> int:
    """How many deliveries this replay would make."""
    events = _events(endpoint, wanted)
    if wanted.status:
        return events.count()
    looked_at = events.defer("recorded_at", "occurred_at").iterator(chunk_size=2000)
    return sum(1 for event in looked_at if endpoint.wants(event))


@transaction.atomic
def start(*, endpoint: Endpoint, wanted: Criteria, actor: str) -> Replay:
    """Ask for it; workers queue it. What happens later than now is not part of it."""
    head = event_log.head(endpoint.workspace_id)
    replay = Replay.objects.create(
        endpoint=endpoint,
        criteria=wanted.as_json(),
        cursor=wanted.after_seq,
        until_seq=min(head, wanted.until_seq if wanted.until_seq is not None else head),
        total=preview(endpoint, wanted),
        created_by=actor[:200],
    )
    who.record(
        workspace=endpoint.workspace,
        actor=actor,
        action="webhook.replayed",
        target=str(endpoint.pk),
        **replay.criteria,
    )
    event_log.nudge(endpoint.workspace_id)
    return replay


def advance(at: datetime) -> bool:
    """Queue one step of the oldest open replay. False when there is none."""
    if not Replay.objects.filter(queued_at=None).exists():  # needs no write lock
        return False
    with transaction.atomic():
        replay = (
            Replay.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(queued_at=None)
            .order_by("created_at")
            .select_related("endpoint")
            .first()
        )
        if replay is None:
            return False
        _queue(replay, at)
        return True


def _queue(replay: Replay, at: datetime) -> None:
    wanted = Criteria.from_json(replay.criteria)
    events = list(
        _events(replay.endpoint, wanted).filter(seq__gt=replay.cursor, seq__lte=replay.until_seq)[
            :STEP
        ]
    )
    replay.queued += _deliver_again(replay, events, wanted, at)
    if len(events) < STEP:
        replay.cursor, replay.queued_at = replay.until_seq, at
    else:
        replay.cursor = events[-1].seq
    replay.save(update_fields=["queued", "cursor", "queued_at"])


def _deliver_again(replay: Replay, events: Iterable[Event], wanted: Criteria, at: datetime) -> int:
    endpoint = replay.endpoint
    fits = [event for event in events if wanted.status or endpoint.wants(event)]
    rows = Delivery.objects.filter(endpoint=endpoint, event__in=fits)
    known = set(rows.values_list("event_id", flat=True))
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    count = services.again(rows, at=at, replay_id=replay.pk)
    fresh = [delivery_of(e, endpoint.pk, at) for e in fits if e.pk not in known]
    for row in fresh:
        row.replay_id = replay.pk
    Delivery.objects.bulk_create(fresh, ignore_conflicts=True)
    return count + len(fresh)
