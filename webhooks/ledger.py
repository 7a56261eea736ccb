"""The turns of a delivery worker: write down what was done, take what is due. One transaction each.

Rules: a report counts only under the claim it was made with; nobody takes rows of an endpoint
while somebody else does (the endpoint's row is locked); a lane with an earlier delivery waiting is
not passed. Time comes in as `at`, so that three days fit into a test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import DateTimeField, F, Min, OuterRef, Q, QuerySet, Subquery

from . import figures, schedule, secrets, services
from .models import Attempt, Circuit, Delivery, Endpoint, Order, Status
from .sender import Outcome, Parcel, encode

CLAIM_AT_ONCE = 100  # deliveries per turn
KEY_LOST = "not sent: the secret cannot be read any more (was SECRET_KEY changed?); rotate it"
RUN_OF_A_LANE = 100  # deliveries looked at per ordered endpoint and turn


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker holds. Without a parcel it cannot be sent; `problem` says why."""

    delivery_id: UUID
    endpoint_id: UUID
    lane: str
    ordered: bool
    probe: bool
    parcel: Parcel | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a claim. No outcome: it was given back unsent."""

    claimed: Claimed
    outcome: Outcome | None


@dataclass
class Load:
    """What this worker has in flight, so that it takes no more than an endpoint allows.

    `lanes`: for each busy lane how much more it may have in hand, to go on without a pause.
    """

    in_flight: Mapping[UUID, int] = field(default_factory=dict)
    lanes: Mapping[UUID, Mapping[str, int]] = field(default_factory=dict)


def turn(
    *,
    claim: str,
    at: datetime,
    reports: Sequence[Report] = (),
    load: Load | None = None,
    workspaces: Collection[UUID] | None = None,
) -> list[Claimed]:
    """Record `reports`; take what is due at the endpoints of `workspaces` (None: everywhere) and
    at the reported ones. `claim` is this worker's name, unique among all that run."""
    scope = Q()
    if workspaces is not None:
        reported = {report.claimed.endpoint_id for report in reports}
        scope = Q(workspace_id__in=workspaces) | Q(pk__in=reported)
    if not reports and not _with_work(at, scope).exists():
        return []  # most events of most workspaces: no lock is taken for them
    with transaction.atomic():
        record(claim=claim, at=at, reports=reports)
        return take(claim=claim, at=at, load=load or Load(), scope=scope)


# Taking ------------------------------------------------------------------------------------------


def take(*, claim: str, at: datetime, load: Load, scope: Q) -> list[Claimed]:
    endpoints = _with_work(at, scope).select_for_update(skip_locked=True, no_key=True, of=("self",))
    taken: list[Claimed] = []
    for endpoint in endpoints:
        if len(taken) >= CLAIM_AT_ONCE:
            break
        probing = endpoint.circuit == Circuit.OPEN
        ids = _choose(endpoint, claim, at, load)
        if not ids:
            continue
        if probing:  # nobody else probes meanwhile
            endpoint.resume_at = at + schedule.LEASE
            endpoint.save(update_fields=["resume_at"])
        Delivery.objects.filter(pk__in=ids).update(claim=claim, due_at=at + schedule.LEASE)
        taken += _packed(endpoint, ids, at, probing)
    return taken


def _with_work(at: datetime, scope: Q) -> QuerySet[Endpoint]:
    """Endpoints that something is due at, and paused ones that may be probed."""
    oldest = Delivery.objects.pending().filter(endpoint=OuterRef("pk")).order_by("due_at")
    return (
        Endpoint.objects.running()
        .filter(scope)
        .filter(Q(resume_at=None) | Q(resume_at__lte=at))
        .annotate(next_due=Subquery(oldest.values("due_at")[:1], output_field=DateTimeField()))
        .filter(Q(next_due__lte=at) | Q(circuit=Circuit.OPEN, next_due__isnull=False))
        .order_by("next_due", "pk")  # who has waited longest comes first
    )


def _choose(endpoint: Endpoint, claim: str, at: datetime, load: Load) -> list[UUID]:
    free = endpoint.concurrency - load.in_flight.get(endpoint.pk, 0)
    mine = Delivery.objects.filter(endpoint=endpoint)
    if endpoint.circuit == Circuit.OPEN:
        if load.in_flight.get(endpoint.pk, 0):
            return []
        return _probe(endpoint, at)
    if endpoint.order == Order.NONE:
        return list(mine.due(at).order_by("seq").values_list("pk", flat=True)[: max(free, 0)])
    return _runs(endpoint, claim, at, max(free, 0), load.lanes.get(endpoint.pk, {}))


def _probe(endpoint: Endpoint, at: datetime) -> list[UUID]:
    """The delivery that failed least: one event that is always refused must not look like an
    endpoint that is down. In an ordered endpoint only the first of each lane may go."""
    waiting = Delivery.objects.pending().filter(endpoint=endpoint)
    free = waiting.filter(Q(claim="") | Q(due_at__lte=at))
    if endpoint.order == Order.ACCOUNT:
        firsts = waiting.values_list("lane").annotate(first=Min("seq")).order_by()
        free = free.filter(seq__in=[seq for _lane, seq in firsts])
    return list(free.order_by("tries", "seq").values_list("pk", flat=True)[:1])


def _runs(
    endpoint: Endpoint, claim: str, at: datetime, free: int, busy: Mapping[str, int]
) -> list[UUID]:
    """For the busy lanes with room and up to `free` others what is due, passing nothing that
    waits. What this worker itself has in hand is no barrier: it sends in order."""
    mine = Delivery.objects.filter(endpoint=endpoint)
    full = [lane for lane, room in busy.items() if room <= 0]
    due = mine.due(at).exclude(lane__in=full).order_by("seq")
    lanes: dict[str, list[tuple[UUID, int]]] = {}
    for pk, lane, seq in due.values_list("pk", "lane", "seq")[:RUN_OF_A_LANE]:
        started = len(lanes.keys() - busy.keys())
        if lane in lanes or lane in busy or started < free:
            lanes.setdefault(lane, []).append((pk, seq))
    waiting = mine.pending().filter(lane__in=lanes, due_at__gt=at)
    waiting = waiting.exclude(lane__in=busy, claim=claim)
    barriers = dict(waiting.values_list("lane").annotate(first=Min("seq")).order_by())
    chosen: list[UUID] = []
    for lane, rows in lanes.items():
        barrier = barriers.get(lane)
        fits = [pk for pk, seq in rows if barrier is None or seq < barrier]
        chosen += fits[: busy.get(lane, RUN_OF_A_LANE)]
        if barrier is not None and rows[-1][1] > barrier:
            _park(endpoint, lane, barrier)
    return chosen


def _park(endpoint: Endpoint, lane: str, seq: int) -> None:
    """What came behind a delivery that waits for its next try is not looked at until then."""
    mine = Delivery.objects.pending().filter(endpoint=endpoint, lane=lane)
    ahead = mine.filter(seq=seq, claim="").values_list("due_at", flat=True).first()
    if ahead is not None:
        mine.filter(seq__gt=seq, claim="", due_at__lt=ahead).update(due_at=ahead)


def _packed(endpoint: Endpoint, ids: Iterable[UUID], at: datetime, probing: bool) -> list[Claimed]:
    problem = ""
    try:
        signing, headers = endpoint.secrets_at(at), endpoint.headers
    except secrets.Unreadable:
        problem = KEY_LOST
    rows = Delivery.objects.filter(pk__in=ids).select_related("event").order_by("seq")
    return [
        Claimed(
            delivery_id=row.pk,
            endpoint_id=endpoint.pk,
            lane=row.lane,
            ordered=endpoint.order == Order.ACCOUNT,
            probe=probing,
            problem=problem,
            parcel=None
            if problem
            else Parcel(
                url=endpoint.url,
                event_id=row.event_id,
                body=encode(row.event.envelope()),
                secrets=signing,
                headers=headers,
            ),
        )
        for row in rows
    ]


# Recording ---------------------------------------------------------------------------------------


@transaction.atomic
def record(*, claim: str, at: datetime, reports: Sequence[Report]) -> None:
    by_endpoint: dict[UUID, list[Report]] = defaultdict(list)
    for report in reports:
        by_endpoint[report.claimed.endpoint_id].append(report)
    for endpoint_id in sorted(by_endpoint):
        endpoint = Endpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first()
        if endpoint is not None:
            _record(endpoint, claim, at, by_endpoint[endpoint_id])


def _record(endpoint: Endpoint, claim: str, at: datetime, reports: Sequence[Report]) -> None:
    ids = [report.claimed.delivery_id for report in reports]
    rows = Delivery.objects.in_bulk(ids)
    told = [(r, r.outcome) for r in reports if r.outcome and r.claimed.delivery_id in rows]
    Attempt.objects.bulk_create([_attempt(report.claimed, outcome) for report, outcome in told])
    held = {pk: row for pk, row in rows.items() if _held(row, claim)}
    delivered = [r.claimed.delivery_id for r, outcome in told if outcome.ok]
    Delivery.objects.filter(pk__in=[pk for pk in delivered if pk in held]).update(
        status=Status.DELIVERED, finished_at=at, claim="", tries=F("tries") + 1
    )
    back = [
        pk for pk in (r.claimed.delivery_id for r in reports if r.outcome is None) if pk in held
    ]
    Delivery.objects.filter(pk__in=back).update(claim="", due_at=at)
    for report, outcome in told:
        if outcome.ok:
            _succeeded(endpoint, at)
        else:
            failed = held.get(report.claimed.delivery_id)
            _failed(endpoint, failed, report.claimed, outcome, at)
    if told:
        figures.count(endpoint.pk, at, [outcome.ok for _, outcome in told])
        endpoint.save(
            update_fields=[
                "circuit",
                "resume_at",
                "failures",
                "failing_since",
                "last_success_at",
                "last_failure_at",
                "last_error",
            ]
        )
    if any(outcome.gone for _, outcome in told):
        services.disable(
            endpoint=endpoint,
            code="gone",
            message="The endpoint answered 410: it does not want to be called any more.",
            actor="system",
        )


def _held(row: Delivery, claim: str) -> bool:
    return row.status == Status.PENDING and row.claim == claim


def _attempt(claimed: Claimed, outcome: Outcome) -> Attempt:
    return Attempt(
        delivery_id=claimed.delivery_id,
        endpoint_id=claimed.endpoint_id,
        at=datetime.fromtimestamp(outcome.at, UTC),
        ok=outcome.ok,
        probe=claimed.probe,
        status_code=outcome.status_code,
        duration_ms=outcome.duration_ms,
        error=outcome.error,
        answer=outcome.answer,
    )


def _succeeded(endpoint: Endpoint, at: datetime) -> None:
    if endpoint.circuit == Circuit.OPEN:
        # It is back: everything that waits for a later try goes out now, as fast as it allows.
        Delivery.objects.pending().filter(endpoint=endpoint, claim="", due_at__gt=at).update(
            due_at=at
        )
        endpoint.circuit, endpoint.resume_at = Circuit.CLOSED, None
    endpoint.failures, endpoint.failing_since, endpoint.last_error = 0, None, ""
    endpoint.last_success_at = at


def _failed(
    endpoint: Endpoint, row: Delivery | None, claimed: Claimed, outcome: Outcome, at: datetime
) -> None:
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or at
    endpoint.last_failure_at, endpoint.last_error = at, outcome.error
    asked = None
    if outcome.status_code in (429, 503):
        asked = schedule.retry_after(outcome.retry_after, at)
    if endpoint.circuit == Circuit.OPEN:
        if claimed.probe:
            endpoint.resume_at = at + schedule.probe_pause(endpoint.failures)
    elif schedule.opens(endpoint.failures, endpoint.failing_since, at):
        endpoint.circuit = Circuit.OPEN
        endpoint.resume_at = at + schedule.probe_pause(schedule.OPEN_AFTER)
    if asked is not None:
        endpoint.resume_at = max(endpoint.resume_at or asked, asked)
    if row is not None:
        _again(endpoint, row, claimed, asked, at)


def _again(
    endpoint: Endpoint, row: Delivery, claimed: Claimed, asked: datetime | None, at: datetime
) -> None:
    """The next try of this delivery, or its end. A probe costs it nothing."""
    if claimed.probe:
        due = at
    else:
        row.tries += 1
        due = at + schedule.backoff(row.tries)
    due = max(due, asked) if asked else due
    row.claim = ""
    if due > row.give_up_at:
        row.status, row.finished_at = Status.DEAD, at
    else:
        row.due_at = due
    row.save(update_fields=["claim", "tries", "status", "finished_at", "due_at"])
    if claimed.ordered and row.status == Status.PENDING:
        _park(endpoint, row.lane, row.seq)


# Cleaning up -------------------------------------------------------------------------------------


def release(claims: Iterable[str], at: datetime) -> int:
    """Give back what workers that are known to be dead still hold."""
    return sum(
        Delivery.objects.pending().filter(claim=claim).update(claim="", due_at=at)
        for claim in claims
    )


def claims() -> list[str]:
    held = Delivery.objects.pending().exclude(claim="")
    return list(held.order_by().values_list("claim", flat=True).distinct())


def give_up(at: datetime) -> int:
    """End what has waited its three days behind an open circuit. It can be replayed."""
    waiting = Delivery.objects.pending().filter(
        claim="",
        give_up_at__lte=at,
        endpoint__circuit=Circuit.OPEN,
        endpoint__disabled_at=None,
    )
    ids = list(waiting.values_list("pk", flat=True)[:5000])
    return (
        Delivery.objects.pending()
        .filter(pk__in=ids, claim="")
        .update(status=Status.DEAD, finished_at=at)
    )
