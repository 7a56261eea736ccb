"""The list of numbers: find, add, connect and disconnect many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import ngettext

from accounts.models import WhatsAppAccount
from accounts.quotas import QuotaExceeded
from sessions_mgr import services
from sessions_mgr.models import StatusChange

from ..access import OPERATE, MemberRequest, actor, workspace_page
from ..answers import is_partial, leave
from ..forms import LabelForm, start_here
from ..number_figures import memory as worker_memory
from ..number_figures import today
from ..pictures import QUARTER, QUARTERS, Bar, Change, status_strip
from ..searching import number_matches
from ..statuses import GROUPS, face
from .overview import group_counts, status_counts

PAGE_SIZE = 50


@workspace_page()
def page(request: MemberRequest) -> HttpResponse:
    query = request.GET.get("q", "").replace("\0", "").strip()
    group = request.GET.get("status", "")
    found = _accounts(request)
    if query:
        found = found.filter(number_matches(query))
    if group in GROUPS:
        found = found.filter(session__status__in=GROUPS[group][1])
    pages = Paginator(found, PAGE_SIZE)
    shown = pages.get_page(request.GET.get("page"))
    counts = status_counts(request.workspace)
    context = {
        "rows": number_rows(shown.object_list),
        "page": shown,
        "page_numbers": pages.get_elided_page_range(shown.number, on_each_side=1, on_ends=1),
        "query": query,
        "group": group if group in GROUPS else "",
        "groups": group_counts(counts),
        "total": sum(counts.values()),
        "public_url": settings.PUBLIC_URL,
    }
    template = "_results.html" if is_partial(request) else "page.html"
    return render(request, f"console/numbers/{template}", context)


@workspace_page()
def rows(request: MemberRequest) -> HttpResponse:
    """The changing cells of some rows (?id=…&id=…), to be swapped out of band."""
    ids = [text for text in request.GET.getlist("id")[:PAGE_SIZE] if _is_uuid(text)]
    found = _accounts(request).filter(pk__in=ids)
    counts = status_counts(request.workspace)
    group = request.GET.get("status", "")
    context = {
        "rows": number_rows(found),
        "group": group if group in GROUPS else "",
        "groups": group_counts(counts),
        "total": sum(counts.values()),
    }
    return render(request, "console/numbers/_cells.html", context)


@workspace_page()
def memory(request: MemberRequest) -> HttpResponse:
    """The memory cells of some rows (?id=…&id=…): their workers are asked now."""
    ids = [text for text in request.GET.getlist("id")[:PAGE_SIZE] if _is_uuid(text)]
    found = list(_accounts(request).filter(pk__in=ids))
    sizes = worker_memory(found)
    cells = [{"pk": account.pk, "size": sizes[account.pk]} for account in found]
    return render(request, "console/numbers/_memory.html", {"cells": cells})


@workspace_page("GET", "POST", may=OPERATE)
def add(request: MemberRequest) -> HttpResponse:
    form = LabelForm(request.POST or None)
    start_here(form, "label")
    if request.method == "POST" and form.is_valid():
        try:
            account = services.create_account(
                workspace=request.workspace,
                label=form.cleaned_data["label"],
                actor=actor(request),
            )
        except QuotaExceeded as exc:
            form.add_error("label", str(exc))
            context = {"form": form, "public_url": settings.PUBLIC_URL}
            return render(request, "console/numbers/add.html", context, status=exc.status)
        return redirect("console:number", workspace_id=request.workspace.pk, account_id=account.pk)
    context = {"form": form, "public_url": settings.PUBLIC_URL}
    return render(request, "console/numbers/add.html", context)


@workspace_page("POST", may=OPERATE)
def bulk(request: MemberRequest) -> HttpResponse:
    """Connect or disconnect the ticked numbers. Foreign and unknown ids are passed over."""
    ids = [text for text in request.POST.getlist("account") if _is_uuid(text)]
    who = actor(request)
    accounts = list(_accounts(request).filter(pk__in=ids))
    many = len(accounts)
    note = ""
    if request.POST.get("verb") == "connect":
        for account in accounts:
            services.request_connect(account=account, actor=who)
        note = ngettext("%(many)d number is connecting.", "%(many)d numbers are connecting.", many)
    elif request.POST.get("verb") == "disconnect":
        for account in accounts:
            services.request_disconnect(account=account, actor=who)
        note = ngettext("%(many)d number disconnected.", "%(many)d numbers disconnected.", many)
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = resolve_url("console:numbers", workspace_id=request.workspace.pk)
    return leave(request, back, note % {"many": many} if many else "")


def number_rows(accounts: Iterable[WhatsAppAccount]) -> list[dict[str, Any]]:
    """What one line of the list shows."""
    accounts = list(accounts)
    strips, counts = strips_of(accounts), today(accounts)
    return [
        {
            "account": account,
            "face": face(account.session.status),
            "strip": strips[account.pk],
            "today": counts[account.pk],
        }
        for account in accounts
    ]


def strips_of(accounts: Iterable[WhatsAppAccount]) -> dict[UUID, list[Bar]]:
    """The last 24 hours of each account."""
    accounts = list(accounts)
    now = timezone.now()
    changes: dict[UUID, list[Change]] = defaultdict(list)
    recent = StatusChange.objects.filter(
        account__in=[account.pk for account in accounts], at__gt=now - QUARTERS * QUARTER
    ).order_by("at", "id")
    for pk, at, before, after in recent.values_list("account", "at", "from_status", "to_status"):
        changes[pk].append(Change(at, before, after))
    return {
        account.pk: status_strip(
            changes[account.pk], current=account.session.status, born=account.created_at, now=now
        )
        for account in accounts
    }


def _accounts(request: MemberRequest) -> Any:
    return (
        WhatsAppAccount.objects.present()
        .filter(workspace=request.workspace, session__isnull=False)
        .select_related("session", "workspace")
        .order_by("label", "id")
    )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
