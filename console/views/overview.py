"""Is everything fine, and if not, what do I do?"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.db.models.functions import TruncHour
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.models import ApiKey, WhatsAppAccount, Workspace
from messaging.models import Direction, Message
from sessions_mgr.models import Session
from sessions_mgr.states import Status
from webhooks.models import Endpoint

from .. import incidents
from ..access import MemberRequest, workspace_page
from ..answers import is_partial
from ..failing import failing_webhooks
from ..pictures import PLOT_HEIGHT, PLOT_STEP, hourly_plot, top_of
from ..statuses import GROUP_HUES, GROUP_ICONS, GROUPS

HOURS = 24


@workspace_page()
def page(request: MemberRequest) -> HttpResponse:
    """The whole page, or only its live part for htmx."""
    context = _context(request.workspace)
    if is_partial(request):
        return render(request, "console/overview/_live.html", context)
    return render(request, "console/overview/page.html", context)


def _context(workspace: Workspace) -> dict[str, Any]:
    counts = status_counts(workspace)
    counted = _messages_by_hour(workspace, timezone.now())
    hours = hourly_plot(counted)
    steps = _first_steps(workspace, counts)
    return {
        "groups": group_counts(counts),
        "total": sum(counts.values()),
        "hours": hours,
        "busiest": top_of(counted),
        "inbound": sum(hour.inbound for hour in hours),
        "outbound": sum(hour.outbound for hour in hours),
        "plot_width": HOURS * PLOT_STEP,
        "plot_height": PLOT_HEIGHT,
        "incidents": incidents.of(workspace),
        "failing": failing_webhooks(workspace),
        "webhooks": Endpoint.objects.active().filter(workspace=workspace).count(),
        "steps": steps,
        "first_run": not all(done for done, _key in steps),
        "public_url": settings.PUBLIC_URL,
    }


def status_counts(workspace: Workspace) -> Counter[Status]:
    rows = (
        Session.objects.filter(account__workspace=workspace, account__deleted_at=None)
        .values_list("status")
        .annotate(many=Count("pk"))
    )
    return Counter({Status(status): many for status, many in rows})


def group_counts(counts: Counter[Status]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "words": words,
            "hue": GROUP_HUES[key],
            "icon": GROUP_ICONS[key],
            "count": sum(counts[status] for status in statuses),
        }
        for key, (words, statuses) in GROUPS.items()
    ]


def _messages_by_hour(workspace: Workspace, now: datetime) -> list[tuple[datetime, int, int]]:
    """(start, inbound, outbound) of the last 24 hours, the running one last."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    rows = (
        Message.objects.filter(account__workspace=workspace, created_at__gte=first)
        .annotate(hour=TruncHour("created_at"))
        .values_list("hour", "direction")
        .annotate(many=Count("pk"))
        .order_by()
    )
    many = {(hour, direction): count for hour, direction, count in rows}
    starts = [first + timedelta(hours=hour) for hour in range(HOURS)]
    return [
        (start, many.get((start, Direction.IN), 0), many.get((start, Direction.OUT), 0))
        for start in starts
    ]


def _first_steps(workspace: Workspace, counts: Counter[Status]) -> list[tuple[bool, str]]:
    """(done, name) of the first-run checklist."""
    accounts = WhatsAppAccount.objects.filter(workspace=workspace)
    return [
        (accounts.exists(), "number"),
        (accounts.exclude(connected_at=None).exists() or bool(counts[Status.CONNECTED]), "connect"),
        (Message.objects.filter(account__workspace=workspace).exists(), "message"),
        (ApiKey.objects.filter(workspace=workspace).exclude(last_used_at=None).exists(), "key"),
    ]
