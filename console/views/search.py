"""The search over everything in a workspace."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime

from .. import searching
from ..access import MemberRequest, workspace_page
from ..answers import is_partial
from ..statuses import face
from ..summaries import summary


@workspace_page()
def page(request: MemberRequest) -> HttpResponse:
    """?q=; with ?all=1 among all messages, with ?before= among those that are older. For htmx only
    the results."""
    query = searching.cleaned(request.GET.get("q", ""))
    everything = request.GET.get("all") == "1"
    before = _moment(request.GET.get("before", "")) if everything else None
    found = searching.find(request.workspace, query, everything=everything, before=before)
    labels = {account.pk: account.label for account in request.workspace.accounts.all()}
    context = {
        "query": query,
        "short": 0 < len(query) < searching.SHORTEST,
        "found": found,
        "numbers": [{"account": a, "face": face(a.session.status)} for a in found.numbers],
        "events": [
            {
                "event": event,
                "summary": summary(event.type, event.data),
                "label": labels.get(event.account_id, "") if event.account_id else "",
            }
            for event in found.events
        ],
        "everything": everything,
        "days": searching.DAYS,
        "newest_events": searching.NEWEST_EVENTS,
    }
    template = "_results.html" if is_partial(request) else "page.html"
    return render(request, f"console/search/{template}", context)


def _moment(written: str) -> datetime | None:
    """None for what is none: then the search begins with the newest."""
    try:
        at = parse_datetime(written)
    except ValueError:
        return None
    return at if at and at.tzinfo else None
