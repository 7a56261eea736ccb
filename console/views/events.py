"""The event explorer: the log of the workspace, newest first, with a live tail."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render

from accounts.models import WhatsAppAccount
from events import types
from events.models import Event

from ..access import MemberRequest, workspace_page
from ..answers import is_partial
from ..summaries import marked_json, summary

PAGE_SIZE = 50
TAIL_SIZE = 100  # rows that one refresh of the live tail may add


@workspace_page()
def page(request: MemberRequest) -> HttpResponse:
    return render(request, "console/events/page.html", _list(request))


@workspace_page()
def tail(request: MemberRequest) -> HttpResponse:
    """The rows that came after ?after=<seq>, newest first, for the top of the list."""
    after = _number(request.GET.get("after"))
    found = _filtered(request).filter(seq__gt=after).order_by("-seq")[:TAIL_SIZE]
    context = {"rows": _rows(request, found), "cursor": max(after, request.live_seq)}
    return render(request, "console/events/_tail.html", context)


@workspace_page()
def detail(request: MemberRequest, event_id: str) -> HttpResponse:
    """One event beside the list; for htmx only the event."""
    event = Event.objects.filter(workspace=request.workspace, pk=event_id.replace("\0", "")).first()
    if event is None:
        raise Http404
    shown = _detail(request, event)
    if is_partial(request):
        return render(request, "console/events/_detail.html", shown)
    return render(request, "console/events/page.html", _list(request) | shown)


def _list(request: MemberRequest) -> dict[str, Any]:
    before = _number(request.GET.get("before"))
    events = _filtered(request).order_by("-seq")
    if before:
        events = events.filter(seq__lt=before)
    found = list(events[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    return {
        "rows": _rows(request, shown),
        "cursor": request.live_seq,
        "older": shown[-1].seq if len(found) > PAGE_SIZE else 0,
        "tailing": not before,
        "chosen_type": request.GET.get("type", ""),
        "chosen_account": request.GET.get("account", ""),
        "types": sorted(types.ALL),
        "accounts": _accounts(request),
        "public_url": settings.PUBLIC_URL,
    }


def _detail(request: MemberRequest, event: Event) -> dict[str, Any]:
    envelope = event.envelope()
    return {
        "event": event,
        "summary": summary(event.type, event.data),
        "label": _labels(request).get(event.account_id, ""),
        "marked": marked_json(envelope),
        "plain": json.dumps(envelope, indent=2, ensure_ascii=False),
        "curl": (
            f"curl '{settings.PUBLIC_URL}/api/v1/events?after={event.seq - 1}&limit=1' \\\n"
            '  -H "Authorization: Bearer $SWITCHBOARD_API_KEY"'
        ),
    }


def _filtered(request: MemberRequest) -> Any:
    events = Event.objects.filter(workspace=request.workspace)
    kind = request.GET.get("type", "")
    if kind in types.ALL:
        events = events.filter(type=kind)
    account = request.GET.get("account", "")
    if account:
        events = events.filter(account_id=_uuid(account))
    return events


def _rows(request: MemberRequest, events: Any) -> list[dict[str, Any]]:
    labels = _labels(request)
    return [
        {
            "event": event,
            "summary": summary(event.type, event.data),
            "label": labels.get(event.account_id, ""),
            "hue": _hue(event),
        }
        for event in events
    ]


def _hue(event: Event) -> str:
    """A first hint for the eye; the words next to it say the same."""
    return event.type.partition(".")[0]


def _accounts(request: MemberRequest) -> Any:
    return WhatsAppAccount.objects.present().filter(workspace=request.workspace).order_by("label")


def _labels(request: MemberRequest) -> dict[UUID | None, str]:
    """Deleted accounts keep their name here: their events are still in the log."""
    every = WhatsAppAccount.objects.filter(workspace=request.workspace)
    return dict(every.values_list("pk", "label"))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
