"""The nodes as an administrator sees them, and the two orders that they take.

Three sources, each with its own truth: the lease (who lives, and how much it may hold), the node's
own answer (what it runs now) and the database (whose numbers are whose). A node that has numbers
and neither lease nor answer is away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from django.db.models import Count
from django.utils.dateparse import parse_datetime

from accounts import audit

from .bus import carriers, streams
from .metrics import node_stats
from .models import Session
from .ownership import register
from .ownership.register import AWAY, Entry

ANSWER_WITHIN = 2.0  # seconds
DONE = {"drain": "node.drained", "undrain": "node.undrained"}


class NodeSilent(Exception):
    """The node does not answer, so it was told nothing."""


class NodeState(StrEnum):
    RUNS = "runs"
    DRAINS = "drains"  # gives its numbers away
    EMPTY = "empty"  # drained: nothing is left on it
    SILENT = "silent"  # has a lease and does not answer
    AWAY = "away"  # has numbers, and no lease


@dataclass(frozen=True, slots=True)
class Node:
    """`capacity` 0: no limit. `starting` wait for a start, `resting` wait after a failure."""

    name: str
    state: NodeState
    numbers: int
    capacity: int = 0
    heartbeat_at: datetime | None = None
    started_at: datetime | None = None
    workers: int = 0
    rss_bytes: int | None = None
    starting: int = 0
    resting: int = 0
    takers: tuple[str, ...] = ()

    @property
    def draining(self) -> bool:
        return self.state in (NodeState.DRAINS, NodeState.EMPTY)

    @property
    def share(self) -> int | None:
        """Percent of the capacity; None without a limit."""
        return round(100 * self.numbers / self.capacity) if self.capacity else None

    @property
    def bar(self) -> int:
        """The share as far as a bar can show it."""
        return min(100, self.share or 0)


def look() -> tuple[list[Node], bool]:
    """All nodes by name, and whether the bus could be asked."""
    leases: dict[str, Entry] = {}
    try:
        leases = register.read(carriers.current())
        reached = True
    except AWAY:
        reached = False
    answers = {str(answer["node"]): answer for answer in node_stats()} if reached else {}
    return view(leases, answers, owned()), reached


def owned() -> dict[str, int]:
    """How many wanted numbers each node holds; those that nobody holds are under the empty name."""
    held = Session.objects.wanted().filter(released=False).values_list("node")
    counts = dict(held.annotate(many=Count("pk")).order_by())
    free = Session.objects.wanted().filter(released=True).count()
    if free:
        counts[""] = counts.get("", 0) + free
    return counts


def view(
    leases: Mapping[str, Entry], answers: Mapping[str, Mapping[str, Any]], held: Mapping[str, int]
) -> list[Node]:
    """One row per node that any of the three sources knows."""
    names = sorted({*leases, *answers, *(name for name in held if name)})
    return [_node(name, leases.get(name), answers.get(name), held.get(name, 0)) for name in names]


def _node(name: str, lease: Entry | None, answer: Mapping[str, Any] | None, numbers: int) -> Node:
    member = lease.member if lease else None
    known: dict[str, Any] = {}
    if answer is not None:
        known = {
            "workers": int(answer.get("workers", 0)),
            "rss_bytes": int(answer.get("rss_bytes", 0)),
            "starting": int(answer.get("starting", 0)),
            "resting": int(answer.get("resting", 0)),
            "takers": tuple(answer.get("takers", ())),
        }
    draining = bool(answer["draining"]) if answer else bool(member and member.draining)
    started = (answer or {}).get("started_at") or (member.started_at if member else "")
    return Node(
        name=name,
        state=_state(lease, answer, draining, numbers + known.get("workers", 0)),
        numbers=numbers,
        capacity=member.capacity if member else 0,
        heartbeat_at=lease.renewed_at if lease else None,
        started_at=parse_datetime(str(started)) if started else None,
        **known,
    )


def _state(
    lease: Entry | None, answer: Mapping[str, Any] | None, draining: bool, left: int
) -> NodeState:
    if answer is None:
        return NodeState.SILENT if lease else NodeState.AWAY
    if draining:
        return NodeState.DRAINS if left else NodeState.EMPTY
    return NodeState.RUNS


def order(*, node: str, verb: Literal["drain", "undrain"], actor: str) -> dict[str, Any]:
    """Tell a node to give its numbers away, or to take some again. Its figures; idempotent.

    Written into the installation's log once the node has heard it. NodeSilent when it has not.
    """
    try:
        bus = carriers.current()
        answer = bus.request(streams.node_subject(node, verb), {}, ANSWER_WITHIN)
    except AWAY as exc:
        raise NodeSilent(str(exc)) from None
    audit.record(
        workspace=None,
        actor=actor,
        action=DONE[verb],
        target=node,
        numbers=answer.get("owned"),
        takers=answer.get("takers"),
    )
    return answer
