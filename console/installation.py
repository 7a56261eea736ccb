"""What an administrator wants to know of the whole installation: queues, incidents, versions.

Figures are those of /metrics, asked from the same collectors, so that the page and the alarms
never disagree. No account, no person and no workspace is named.
"""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from prometheus_client.core import CollectorRegistry

from accounts.models import AuditEntry
from messaging.media.metrics import MediaCollector
from messaging.metrics import MessagingCollector
from messaging.outbox.metrics import OutboxCollector
from sessions_mgr.metrics import SessionCollector
from sessions_mgr.models import StatusChange, WorkerExit
from sessions_mgr.nodes import DONE, Node, NodeState
from webhooks.metrics import WebhookCollector

from .statuses import Look

COLLECTORS = (
    SessionCollector,
    MessagingCollector,
    MediaCollector,
    OutboxCollector,
    WebhookCollector,
)
INGEST_LIMIT = 1000  # facts; as the alarm SwitchboardIngestLag
SLOW = 60.0  # seconds that what is due may wait
SPAN = timedelta(days=1)
SHOWN = 10
# Ends that people or WhatsApp meant, and what a page about crashes leaves out.
ORDERLY = (
    "stopped",
    "pairing_expired",
    "logged_out",
    "unlinked",
    "pairing_refused",
    "supervisor_gone",
)
NODE_REASONS = ("node_gone", "node_restarted", "crash_loop")


FINE = Look(gettext_lazy("Keeps up"), "connected", "good")
NODE_LOOKS: dict[NodeState, Look] = {
    NodeState.RUNS: Look(gettext_lazy("Runs"), "connected", "good"),
    NodeState.DRAINS: Look(gettext_lazy("Draining"), "starting", "busy"),
    NodeState.EMPTY: Look(gettext_lazy("Drained, empty"), "disconnected", "idle"),
    NodeState.SILENT: Look(gettext_lazy("Does not answer"), "reconnecting", "warn"),
    NodeState.AWAY: Look(gettext_lazy("Away"), "failed", "bad"),
}


@dataclass(frozen=True, slots=True)
class Queue:
    """Something that waits. `amount` is written out; `advice` says what to do when it grows."""

    name: str
    look: Look
    amount: str
    oldest: timedelta | None
    advice: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what happened, many equal ones counted."""

    look: Look
    title: str
    text: str
    at: datetime


class Figures:
    """The figures of /metrics at this moment, by name and label."""

    def __init__(self, families: Mapping[str, Mapping[str, float]]) -> None:
        self._families = families

    @classmethod
    def now(cls) -> Figures:
        registry = CollectorRegistry()
        for collector in COLLECTORS:
            registry.register(collector())
        families: dict[str, dict[str, float]] = {}
        for family in registry.collect():
            values = families.setdefault(family.name, {})
            for sample in family.samples:
                values["/".join(sample.labels.values())] = sample.value
        return cls(families)

    def get(self, name: str, label: str = "") -> float | None:
        return self._families.get(name, {}).get(label)

    def total(self, name: str, *, but: str = "") -> int:
        return int(sum(v for k, v in self._families.get(name, {}).items() if k != but))


def queues(figures: Figures) -> list[Queue]:
    """Where something may wait, in the order in which a message goes through them."""
    return [
        _ingest(figures.get("switchboard_ingest_waiting")),
        _spools(figures.get("switchboard_store_bytes", "spools")),
        _outbox(figures),
        _waiting(
            _("Webhooks"),
            int(figures.get("switchboard_webhook_deliveries", "pending") or 0),
            figures.get("switchboard_webhook_lag_seconds"),
            _("The pipeline is away or slow. Endpoints that fail are not counted as late."),
        ),
        _waiting(
            _("Files to fetch"),
            int(figures.get("switchboard_media_files", "pending") or 0),
            figures.get("switchboard_media_lag_seconds"),
            _("More MEDIA_DOWNLOADS, or a worker that hangs."),
        ),
        _lookups(figures),
        _set_aside(figures.total("whatsapp_web_message_processing_failures")),
    ]


def _ingest(waiting: float | None) -> Queue:
    advice = _("The pipeline or the database is slow or away.")
    if waiting is None:
        look = Look(_("Cannot be asked"), "failed", "bad")
        return Queue(_("Facts on the bus"), look, _("unknown"), None, _("The bus is away."))
    late = waiting > INGEST_LIMIT
    look = Look(_("Falls behind"), "reconnecting", "warn") if late else FINE
    return Queue(_("Facts on the bus"), look, f"{int(waiting)}", None, advice)


def _spools(size: float | None) -> Queue:
    look = Look(_("On disk"), "connected", "idle")
    amount = f"{(size or 0) / 1_048_576:.1f} MB"
    return Queue(
        _("Spools on this machine"), look, amount, None, _("It grows while the bus is away.")
    )


def _outbox(figures: Figures) -> Queue:
    ready = int(figures.get("switchboard_outbox_waiting", "connected") or 0)
    held = figures.total("switchboard_outbox_waiting", but="connected")
    lag = figures.get("switchboard_outbox_lag_seconds")
    queue = _waiting(
        _("Messages to send"), ready, lag, _("Pacing holds them back, or the pipeline is away.")
    )
    if not held:
        return queue
    amount = _("%(ready)d, and %(held)d for numbers that are not connected")
    return Queue(
        queue.name, queue.look, amount % {"ready": ready, "held": held}, queue.oldest, queue.advice
    )


def _lookups(figures: Figures) -> Queue:
    waiting = figures.total("switchboard_enrichment_waiting")
    look = Look(_("In the background"), "connected", "idle")
    return Queue(_("Names and pictures"), look, f"{waiting}", None, _("Nothing waits for them."))


def _set_aside(count: int) -> Queue:
    look = Look(_("Look at them"), "failed", "bad") if count else Look(_("None"), "done", "good")
    return Queue(
        _("Facts set aside"),
        look,
        f"{count}",
        None,
        _("They could not be stored and are whole in messaging_unreadfact."),
    )


def _waiting(name: str, amount: int, lag: float | None, advice: str) -> Queue:
    late = lag is not None and lag > SLOW
    look = Look(_("Late"), "reconnecting", "warn") if late else FINE
    oldest = timedelta(seconds=round(lag)) if lag and lag >= 1 else None
    return Queue(name, look, f"{amount}", oldest, advice)


def incidents(nodes: list[Node]) -> list[Line]:
    """What went wrong in the last day and what administrators did, the newest first."""
    since = timezone.now() - SPAN
    found = [*_silent(nodes), *_exits(since), *_moves(since), *_orders(since)]
    return sorted(found, key=lambda line: line.at, reverse=True)[:SHOWN]


def _silent(nodes: list[Node]) -> list[Line]:
    text = _("Its lease is there, but it does not answer. It is stopping, or its machine is busy.")
    return [
        Line(NODE_LOOKS[node.state], node.name, text, node.heartbeat_at)
        for node in nodes
        if node.state == NodeState.SILENT and node.heartbeat_at
    ]


def _exits(since: datetime) -> list[Line]:
    rows = (
        WorkerExit.objects.filter(at__gte=since)
        .exclude(cause__in=ORDERLY)
        .values("node", "cause")
        .annotate(many=Count("pk"), last=Max("at"))
        .order_by("-last")[:SHOWN]
    )
    look = Look(_("Worker died"), "failed", "bad")
    return [
        Line(
            look,
            row["node"] or _("no node"),
            ngettext("%(cause)s, once", "%(cause)s, %(many)d times", row["many"])
            % {"cause": row["cause"], "many": row["many"]},
            row["last"],
        )
        for row in rows
    ]


def _moves(since: datetime) -> list[Line]:
    rows = (
        StatusChange.objects.filter(reason_code__in=NODE_REASONS, at__gte=since)
        .values("reason_code")
        .annotate(many=Count("account", distinct=True), last=Max("at"))
        .order_by("-last")
    )
    return [_move(row["reason_code"], row["many"], row["last"]) for row in rows]


def _move(reason: str, many: int, at: datetime) -> Line:
    title, text = {
        "node_gone": (
            _("Node gone"),
            ngettext(
                "%(many)d number waits for a node that is away",
                "%(many)d numbers wait for a node that is away",
                many,
            ),
        ),
        "node_restarted": (
            _("Node restarted"),
            ngettext(
                "%(many)d number was started again", "%(many)d numbers were started again", many
            ),
        ),
        "crash_loop": (
            _("Gave up"),
            ngettext(
                "%(many)d number crashed again and again",
                "%(many)d numbers crashed again and again",
                many,
            ),
        ),
    }[reason]
    return Line(Look(title, "reconnecting", "warn"), "", text % {"many": many}, at)


def _orders(since: datetime) -> list[Line]:
    rows = AuditEntry.objects.filter(
        Q(action__in=DONE.values()), workspace=None, at__gte=since
    ).order_by("-at")[:SHOWN]
    words = {DONE["drain"]: _("Drain ordered"), DONE["undrain"]: _("Drain ended")}
    return [
        Line(
            Look(words[row.action], "starting", "busy"),
            row.target,
            _("by %(who)s") % {"who": row.actor.partition(":")[2] or row.actor},
            row.at,
        )
        for row in rows
    ]


def versions() -> list[tuple[str, str]]:
    """What runs here, for a report about a mistake."""
    found = [("Switchboard", _own_version())]
    found += [(name, metadata.version(name)) for name in ("django", "neonize", "nats-py")]
    return [*found, ("Python", platform.python_version()), (connection.display_name, _database())]


def _own_version() -> str:
    try:
        project: dict[str, Any] = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
        return str(project["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return _("unknown")


def _database() -> str:
    return ".".join(map(str, connection.get_database_version()))
