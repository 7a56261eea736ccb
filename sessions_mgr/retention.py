"""What the timeline and the mails of long ago leave behind. Only counts, for /metrics."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from .models import Notice, PastCount, StatusChange, WorkerExit
from .states import Status

BATCH = 2000  # rows per transaction
NOTICES_KEPT = timedelta(days=30)  # after they were sent or given up; limits look back an hour


def forget_timeline(at: datetime) -> int:
    """Status changes and worker exits older than TIMELINE_RETENTION_DAYS. How many went.

    The latest change of each number stays, however old: it says why the number is as it is.
    """
    before = at - timedelta(days=settings.TIMELINE_RETENTION_DAYS)
    of_same = StatusChange.objects.filter(account=OuterRef("account"))
    latest = Subquery(of_same.order_by("-at", "-id").values("pk")[:1])
    changes = StatusChange.objects.filter(at__lt=before).exclude(pk=latest)
    return _forget(changes, _lost_line) + _forget(WorkerExit.objects.filter(at__lt=before), _cause)


def forget_notices(at: datetime) -> int:
    """Mails that are done with. What still has to be sent stays. How many went."""
    done = Notice.objects.exclude(sent_at=None, given_up="")
    before = at - NOTICES_KEPT
    return done.filter(Q(sent_at=None) | Q(sent_at__lt=before), at__lt=before).delete()[0]


def _lost_line(change: StatusChange) -> tuple[str, str] | None:
    if change.to_status != Status.RECONNECTING:
        return None
    return PastCount.RECONNECTS, change.reason_code


def _cause(end: WorkerExit) -> tuple[str, str]:
    return PastCount.EXITS, end.cause


def _forget(old: QuerySet[Any], counted_as: Any) -> int:
    gone = 0
    while some := _forget_some(old, counted_as):
        gone += some
    return gone


@transaction.atomic
def _forget_some(old: QuerySet[Any], counted_as: Any) -> int:
    """Rows go and are counted in one transaction, and by one pipeline: hence the lock."""
    rows = list(old.select_for_update(skip_locked=True, of=("self",)).order_by("pk")[:BATCH])
    for key, many in Counter(filter(None, map(counted_as, rows))).items():
        metric, label = key
        found, _ = PastCount.objects.get_or_create(metric=metric, label=label)
        PastCount.objects.filter(pk=found.pk).update(count=F("count") + many)
    old.model._base_manager.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)
