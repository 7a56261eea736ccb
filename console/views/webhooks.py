"""Webhooks: who is told, how that goes, why not, and what to do about it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webhooks import figures, replays, services, trials
from webhooks.models import Attempt, Delivery, Endpoint, Health, Status

from ..access import ADMINISTER, OPERATE, MemberRequest, actor, workspace_page
from ..answers import is_partial, leave
from ..delivery_turns import turn_of
from ..forms import start_here
from ..pictures import Bar
from ..statuses import Look
from ..summaries import marked_json
from ..webhook_forms import ReplayForm, WebhookForm

PAGE_SIZE = 50
FACES = {
    Health.ACTIVE: ("connected", "good"),
    Health.FAILING: ("reconnecting", "warn"),
    Health.PAUSED: ("failed", "bad"),
    Health.DISABLED: ("disconnected", "idle"),
}
DELIVERY_FACES = {
    Status.DELIVERED: ("connected", "good"),
    Status.PENDING: ("starting", "busy"),
    Status.DEAD: ("failed", "bad"),
}


def face_of(endpoint: Endpoint) -> Look:
    words = {
        Health.ACTIVE: _("Delivering"),
        Health.FAILING: _("Last attempt failed"),
        Health.PAUSED: _("Not reachable, only probed"),
        Health.DISABLED: _("Disabled"),
    }
    return Look(words[endpoint.status], *FACES[endpoint.status])


def face_of_delivery(delivery: Delivery) -> Look:
    words = {
        Status.DELIVERED: _("Delivered"),
        Status.PENDING: _("Waiting"),
        Status.DEAD: _("Dead"),
    }
    status = Status(delivery.status)
    return Look(words[status], *DELIVERY_FACES[status])


def strip(day: figures.Day) -> list[Bar]:
    """Good where all went well, warn where some failed, bad where all did."""
    bars = []
    for place, (good, bad) in sorted(day.quarters.items()):
        hue = "good" if not bad else "warn" if good else "bad"
        words = _("%(good)s delivered, %(bad)s failed") % {"good": good, "bad": bad}
        bars.append(Bar(place, 1, hue, words, day.start + place * figures.QUARTER))
    return bars


@workspace_page()
def page(request: MemberRequest) -> HttpResponse:
    template = "console/webhooks/" + ("_list.html" if is_partial(request) else "page.html")
    return render(request, template, {"rows": _rows(request), "public_url": settings.PUBLIC_URL})


def _rows(request: MemberRequest) -> list[dict[str, Any]]:
    found = Endpoint.objects.present().filter(workspace=request.workspace).order_by("created_at")
    waiting = Count("deliveries", filter=Q(deliveries__status=Status.PENDING))
    endpoints = list(found.annotate(waiting=waiting))
    days = figures.days([e.pk for e in endpoints], timezone.now())
    return [
        {"endpoint": e, "face": face_of(e), "day": days[e.pk], "strip": strip(days[e.pk])}
        for e in endpoints
    ]


@workspace_page("GET", "POST", may=ADMINISTER)
def add(request: MemberRequest) -> HttpResponse:
    form = WebhookForm(request.workspace, request.POST or None)
    start_here(form, "url")
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, secret = services.create_endpoint(
                workspace=request.workspace, actor=actor(request), **form.fields_for_service()
            )
        except services.TooMany as exc:
            form.add_error(None, _("A workspace has at most %(many)s webhooks.") % {"many": exc})
        else:
            return _with_secret(request, endpoint, secret)
    return render(request, "console/webhooks/form.html", {"form": form})


@workspace_page()
def detail(request: MemberRequest, webhook_id: UUID) -> HttpResponse:
    endpoint = _endpoint(request, webhook_id)
    template = "console/webhooks/" + ("_detail.html" if is_partial(request) else "detail.html")
    return render(request, template, _detail(request, endpoint))


@workspace_page("GET", "POST", may=ADMINISTER)
def edit(request: MemberRequest, webhook_id: UUID) -> HttpResponse:
    endpoint = _endpoint(request, webhook_id)
    form = WebhookForm(request.workspace, request.POST or None, initial=_initial(endpoint))
    if request.method == "POST" and form.is_valid():
        jids = (endpoint.ignore_chats or {}).get("jids")
        services.update_endpoint(
            endpoint=endpoint, actor=actor(request), **form.fields_for_service(jids)
        )
        return leave(request, _address(endpoint), _("Saved."))
    return render(request, "console/webhooks/form.html", {"form": form, "endpoint": endpoint})


@workspace_page("POST", may=OPERATE)
def test(request: MemberRequest, webhook_id: UUID) -> HttpResponse:
    """Send a test event and show how it went."""
    endpoint = _endpoint(request, webhook_id)
    delivery = trials.send_test(endpoint=endpoint, actor=actor(request))
    attempt = delivery.attempts.order_by("-at").first()
    context: dict[str, Any] = {"note": "", "error": ""}
    if attempt is not None and attempt.ok:
        context["note"] = _("The test event was taken: %(code)s in %(ms)s ms.") % {
            "code": attempt.status_code,
            "ms": attempt.duration_ms,
        }
    else:
        context["error"] = _("The test event was not taken: %(why)s.") % {
            "why": attempt.error if attempt else _("no attempt")
        }
    return _after(request, endpoint, **context)


@workspace_page("POST", may=OPERATE)
def enable(request: MemberRequest, webhook_id: UUID) -> HttpResponse:
    endpoint = _endpoint(request, webhook_id)
    services.enable(endpoint=endpoint, actor=actor(request))
    return _after(request, endpoint, note=_("Enabled. What waited is being delivered."))


@workspace_page("POST", may=OPERATE)
def disable(request: MemberRequest, webhook_id: UUID) -> HttpResponse:
    endpoint = _endpoint(request, webhook_id)
    services.disable(
        endpoint=endpoint,
        code="manual",
        message=_("Disabled by %(who)s.") % {"who": request.user.email},
        actor=actor(request),
    )
    return _after(request, endpoint, note=_("Disabled. What waits keeps waiting."))


@workspace_page("GET", "POST", may=ADMINISTER)
def rotate(request: MemberRequest, webhook_id: UUID) -> HttpResponse:
    """GET asks, POST makes a new secret and shows it once."""
    endpoint = _endpoint(request, webhook_id)
    if request.method == "GET":
        return _ask(request, endpoint, "rotate")
    secret = services.rotate_secret(endpoint=endpoint, actor=actor(request))
    return _with_secret(request, endpoint, secret)


@workspace_page("GET", "POST", may=ADMINISTER)
def delete(request: MemberRequest, webhook_id: UUID) -> HttpResponse:
    """GET asks, POST deletes."""
    endpoint = _endpoint(request, webhook_id)
    if request.method == "GET":
        return _ask(request, endpoint, "delete")
    services.delete_endpoint(endpoint=endpoint, actor=actor(request))
    url = resolve_url("console:webhooks", workspace_id=request.workspace.pk)
    return leave(request, url, _("The webhook is deleted."))


@workspace_page("GET", "POST", may=OPERATE)
def replay(request: MemberRequest, webhook_id: UUID) -> HttpResponse:
    """Choose a range; see how much it is; then have it delivered again."""
    endpoint = _endpoint(request, webhook_id)
    form = ReplayForm(request.POST or None)
    context: dict[str, Any] = {"endpoint": endpoint, "form": form}
    if request.method == "POST" and form.is_valid():
        if "start" in request.POST:
            replays.start(endpoint=endpoint, wanted=form.criteria(), actor=actor(request))
            return redirect(_address(endpoint))
        context["count"] = replays.preview(endpoint, form.criteria())
    return render(request, "console/webhooks/replay.html", context)


@workspace_page()
def delivery(request: MemberRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    """One delivery with its attempts; for htmx only that."""
    endpoint = _endpoint(request, webhook_id)
    row = _delivery(endpoint, delivery_id)
    context = {"endpoint": endpoint} | _shown(row)
    if is_partial(request):
        return render(request, "console/webhooks/_delivery.html", context)
    return render(request, "console/webhooks/delivery.html", context)


@workspace_page("POST", may=OPERATE)
def retry(request: MemberRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    endpoint = _endpoint(request, webhook_id)
    row = _delivery(endpoint, delivery_id)
    services.retry(delivery=row, actor=actor(request))
    url = resolve_url(
        "console:webhook-delivery",
        workspace_id=request.workspace.pk,
        webhook_id=endpoint.pk,
        delivery_id=row.pk,
    )
    return leave(request, url, _("It is being delivered again."))


# What the pages show -------------------------------------------------------------------------


def _detail(request: MemberRequest, endpoint: Endpoint) -> dict[str, Any]:
    status = request.GET.get("status", "")
    before = _number(request.GET.get("before"))
    found = Delivery.objects.filter(endpoint=endpoint).order_by("-seq")
    if status in Status.values:
        found = found.filter(status=status)
    if before:
        found = found.filter(seq__lt=before)
    rows = list(found.annotate(tried=Count("attempts"))[: PAGE_SIZE + 1])
    now = timezone.now()
    day = figures.days([endpoint.pk], now)[endpoint.pk]
    counts = dict(
        Delivery.objects.filter(endpoint=endpoint)
        .values_list("status")
        .annotate(n=Count("pk"))
        .order_by()
    )
    return {
        "endpoint": endpoint,
        "face": face_of(endpoint),
        "day": day,
        "strip": strip(day),
        "p95": figures.p95_ms(endpoint.pk, now),
        "waiting": counts.get(Status.PENDING, 0),
        "dead": counts.get(Status.DEAD, 0),
        "rows": [
            {"delivery": row, "face": face_of_delivery(row), "turn": turn_of(row, endpoint, now)}
            for row in rows[:PAGE_SIZE]
        ],
        "older": rows[PAGE_SIZE - 1].seq if len(rows) > PAGE_SIZE else 0,
        "chosen": status,
        "statuses": [
            ("", _("All")),
            (Status.PENDING.value, _("Waiting")),
            (Status.DELIVERED.value, _("Delivered")),
            (Status.DEAD.value, _("Dead")),
        ],
        "replay": _newest_replay(endpoint),
    }


def _newest_replay(endpoint: Endpoint) -> dict[str, Any] | None:
    newest = endpoint.replays.order_by("-created_at").first()
    if newest is None or newest.created_at < timezone.now() - figures.QUARTER * 4:
        return None
    progress = newest.progress()
    told = ngettext(
        "Replay of %(total)s delivery: %(delivered)s delivered, %(pending)s waiting.",
        "Replay of %(total)s deliveries: %(delivered)s delivered, %(pending)s waiting.",
        progress["total"],
    )
    return {"words": told % progress, **progress}


def _shown(row: Delivery) -> dict[str, Any]:
    envelope = row.event.envelope()
    return {
        "delivery": row,
        "face": face_of_delivery(row),
        "turn": turn_of(row, row.endpoint, timezone.now()),
        "attempts": Attempt.objects.filter(delivery=row).order_by("-at", "-pk")[:100],
        "marked": marked_json(envelope),
        "plain": json.dumps(envelope, indent=2, ensure_ascii=False),
    }


def _initial(endpoint: Endpoint) -> dict[str, Any]:
    ignore = endpoint.ignore_chats or {}
    return {
        "url": endpoint.url,
        "description": endpoint.description,
        "types": endpoint.types or [],
        "accounts": endpoint.accounts or [],
        "ignore_groups": ignore.get("groups"),
        "ignore_broadcast": ignore.get("broadcast"),
        "order": endpoint.order,
        "concurrency": endpoint.concurrency,
    }


def _with_secret(request: MemberRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
    """The only answer that ever holds the secret: no redirect carries it, no cache keeps it."""
    context = {"endpoint": endpoint, "secret": secret}
    response = render(request, "console/webhooks/secret.html", context)
    patch_cache_control(response, no_store=True)
    return response


def _after(
    request: MemberRequest, endpoint: Endpoint, *, note: str = "", error: str = ""
) -> HttpResponse:
    """Back to the page, which says it above what it keeps refreshing."""
    if error:
        messages.error(request, error)
    return leave(request, _address(endpoint), note)


def _ask(request: MemberRequest, endpoint: Endpoint, question: str) -> HttpResponse:
    """The question in a dialog for htmx, on a page of its own otherwise."""
    context: dict[str, Any] = {
        "endpoint": endpoint,
        "question_template": f"console/webhooks/_{question}.html",
    }
    if is_partial(request):
        return render(request, context["question_template"], context)
    return render(request, "console/webhooks/confirm.html", context)


def _endpoint(request: MemberRequest, webhook_id: UUID) -> Endpoint:
    found = Endpoint.objects.present().filter(workspace=request.workspace)
    return get_object_or_404(found.select_related("workspace"), pk=webhook_id)


def _delivery(endpoint: Endpoint, delivery_id: UUID) -> Delivery:
    found = Delivery.objects.filter(endpoint=endpoint).select_related("event", "endpoint")
    return get_object_or_404(found, pk=delivery_id)


def _address(endpoint: Endpoint) -> str:
    return resolve_url(
        "console:webhook", workspace_id=endpoint.workspace_id, webhook_id=endpoint.pk
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
