"""What went wrong in a workspace in the last day: lost lines, crashes, lost and unsent messages.

Each incident says what it is in words with a shape, names the number, and leads to where one sees
more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import WhatsAppAccount, Workspace
from events import types
from events.models import Event
from messaging.models import Direction, Message
from messaging.statuses import Status as MessageStatus
from sessions_mgr.models import StatusChange
from sessions_mgr.states import Status

from .statuses import Look, face
from .stored_words import in_words
from .summaries import summary

SHOWN = 8
SPAN = timedelta(days=1)
BAD = (Status.FAILED, Status.LOGGED_OUT, Status.RECONNECTING)
CRASHES = ("worker_crashed", "worker_hung", "crash_loop")
WANTED = ("restart_requested", "unlinked")  # a person asked for it
UNSENT = (MessageStatus.FAILED, MessageStatus.UNKNOWN)


CRASHED = Look(_("Crashed"), "failed", "bad")
LOST = Look(_("Message lost"), "reconnecting", "warn")
NOT_SENT = Look(_("Not sent"), "failed", "bad")


@dataclass(frozen=True, slots=True)
class Incident:
    face: object  # statuses.Face or Look
    title: str
    text: str
    url: str
    at: datetime | None
    over: bool = False


def of(workspace: Workspace) -> list[Incident]:
    """The newest first. Webhooks that fail have a place of their own: failing.py."""
    since = timezone.now() - SPAN
    numbers = {
        row.pk: row
        for row in WhatsAppAccount.objects.present()
        .filter(workspace=workspace)
        .select_related("session")
    }
    found = [
        *_changes(workspace, since),
        *_gaps(numbers, since),
        *_unsent(numbers, since),
    ]
    found.sort(key=lambda incident: incident.at or since, reverse=True)
    return found[:SHOWN]


def _changes(workspace: Workspace, since: datetime) -> Iterable[Incident]:
    rows = (
        StatusChange.objects.filter(
            Q(to_status__in=BAD) | Q(reason_code__in=CRASHES),
            account__workspace=workspace,
            account__deleted_at=None,
            at__gte=since,
        )
        .exclude(reason_code__in=WANTED)
        .select_related("account__session")
        .order_by("-at", "-id")[:SHOWN]
    )
    for row in rows:
        shown = face(row.to_status)
        crashed = row.reason_code in CRASHES and row.to_status not in BAD
        yield Incident(
            CRASHED if crashed else shown,
            row.account.label,
            in_words(row.reason_message) or str(shown.meaning),
            _url("number-timeline", row.account),
            row.at,
            over=row.account.session.status == Status.CONNECTED,
        )


def _gaps(numbers: dict[UUID, WhatsAppAccount], since: datetime) -> Iterable[Incident]:
    rows = Event.objects.filter(
        account_id__in=numbers, type=types.MESSAGE_GAP, recorded_at__gte=since
    ).order_by("-seq")[:SHOWN]
    for row in rows:
        number = numbers[row.account_id] if row.account_id else None
        if number is None:
            continue
        where = {"workspace_id": row.workspace_id, "event_id": row.pk}
        yield Incident(
            LOST,
            number.label,
            summary(row.type, row.data),
            reverse("console:event", kwargs=where),
            row.occurred_at,
        )


def _unsent(numbers: dict[UUID, WhatsAppAccount], since: datetime) -> Iterable[Incident]:
    """One line per number: how many messages of ours did not get out, or may not have."""
    rows = (
        Message.objects.filter(
            account__in=numbers,
            direction=Direction.OUT,
            status__in=UNSENT,
            timestamp__gte=since,
        )
        .values("account")
        .annotate(many=Count("pk"), last=Max("status_at"))
        .order_by("-last")[:SHOWN]
    )
    for row in rows:
        number = numbers[row["account"]]
        text = ngettext(
            "%(many)d message failed, or nobody can say whether it was sent.",
            "%(many)d messages failed, or nobody can say whether they were sent.",
            row["many"],
        )
        yield Incident(
            NOT_SENT,
            number.label,
            text % {"many": row["many"]},
            _url("number-conversations", number),
            row["last"],
        )


def _url(name: str, account: WhatsAppAccount) -> str:
    where = {"workspace_id": account.workspace_id, "account_id": account.pk}
    return reverse(f"console:{name}", kwargs=where)
