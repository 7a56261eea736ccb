"""The other tabs of a number: Timeline, Health, Settings, Danger zone."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts import seals
from accounts.models import WhatsAppAccount
from messaging.models import Pacing
from messaging.outbox import rates
from sessions_mgr import commands, proxies, services
from webhooks.models import Endpoint

from ..access import OPERATE, MemberRequest, actor, workspace_page
from ..answers import is_partial, leave
from ..forms import LabelForm, PacingForm, ProxyForm
from ..pictures import memory_line
from ..statuses import face
from .number import head_context, number_url
from .numbers import strips_of

TIMELINE_PAGE = 50
EXITS_SHOWN = 10


@workspace_page()
def timeline(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    pages = Paginator(account.timeline.order_by("-at", "-id"), TIMELINE_PAGE)
    shown = pages.get_page(request.GET.get("page"))
    context = head_context(account, tab="timeline") | {
        "page": shown,
        "page_numbers": pages.get_elided_page_range(shown.number, on_each_side=1, on_ends=1),
        "changes": [{"row": row, "face": face(row.to_status)} for row in shown.object_list],
        "strip": strips_of([account])[account.pk],
    }
    template = "_timeline.html" if is_partial(request) else "timeline.html"
    return render(request, f"console/number/{template}", context)


@workspace_page()
def health(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    facts = commands.health(account)
    seen, now = facts["last_seen_at"], timezone.now()
    context = head_context(account, tab="health") | {
        "facts": facts,
        "last_seen_at": parse_datetime(seen) if isinstance(seen, str) else seen,
        "capabilities": sorted(facts["capabilities"].items()),
        "exits": account.worker_exits.order_by("-at")[:EXITS_SHOWN],
        "memory": memory_line(facts["rss_history"], now),
        "checked_at": now,
    }
    template = "_health.html" if is_partial(request) else "health.html"
    return render(request, f"console/number/{template}", context)


@workspace_page()
def settings(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    return _settings(request, account)


@workspace_page("POST", may=OPERATE)
def rename(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    form = LabelForm(request.POST)
    if not form.is_valid():
        return _settings(request, account, form=form)
    services.update_account(account=account, actor=actor(request), label=form.cleaned_data["label"])
    return leave(request, number_url(request, account, "number-settings"), _("Saved."))


@workspace_page("POST", may=OPERATE)
def proxy(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """A new proxy, or none: for the next process of this number."""
    if "remove" in request.POST:
        wanted = ""
    else:
        form = ProxyForm(request.POST)
        if not form.is_valid():
            return _settings(request, account, proxy_form=form)
        wanted = form.cleaned_data["proxy"]
    services.update_account(account=account, actor=actor(request), proxy=wanted)
    note = _("Saved. It counts from the next start on: press Restart to use it now.")
    return leave(request, number_url(request, account, "number-settings"), note)


@workspace_page("POST", may=OPERATE)
def pacing(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """How fast the number sends; what waits is looked at anew."""
    form = PacingForm(request.POST)
    if not form.is_valid():
        return _settings(request, account, pacing_form=form)
    rates.change(account=account, actor=actor(request), at=timezone.now(), **form.rules())
    return leave(request, number_url(request, account, "number-settings"), _("Saved."))


def _settings(
    request: MemberRequest, account: WhatsAppAccount, **wrong: LabelForm | ProxyForm | PacingForm
) -> HttpResponse:
    """The page; a form that is `wrong` stands in for the one of its name."""
    row = Pacing.objects.filter(pk=account.pk).first() or Pacing(account=account)
    paused = row.paused_until if row.paused_until and row.paused_until > timezone.now() else None
    context = head_context(account, tab="settings") | {
        "form": LabelForm(initial={"label": account.label}),
        "proxy": _shown_proxy(account),
        "proxy_form": ProxyForm(),
        "pacing": row,
        "pacing_form": PacingForm(initial=PacingForm.shown(row)),
        "paused_until": paused,
        "webhooks": webhooks_that_see(account),
    }
    status = 422 if wrong else 200
    return render(request, "console/number/settings.html", context | wrong, status=status)


def _shown_proxy(account: WhatsAppAccount) -> str:
    try:
        return proxies.without_password(account.proxy) if account.proxy else ""
    except seals.Unreadable:
        return _("one that cannot be read: SECRET_KEY was changed. Set it again.")


def webhooks_that_see(account: WhatsAppAccount) -> list[Endpoint]:
    """Those whose filter lets events of this number pass."""
    found = Endpoint.objects.present().filter(workspace_id=account.workspace_id)
    return [
        endpoint
        for endpoint in found.order_by("created_at")
        if endpoint.accounts is None or str(account.pk) in endpoint.accounts
    ]


@workspace_page()
def danger(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    return render(request, "console/number/danger.html", head_context(account, tab="danger"))


@workspace_page("GET", "POST", may=OPERATE)
def log_out(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """GET asks, POST unlinks."""
    if request.method == "GET":
        return _ask(request, account, "log_out")
    services.request_logout(account=account, actor=actor(request))
    note = _("“%(label)s” is logged out.") % {"label": account.label}
    return leave(request, number_url(request, account), note)


@workspace_page("GET", "POST", may=OPERATE)
def delete(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """GET asks, POST deletes."""
    if request.method == "GET":
        return _ask(request, account, "delete")
    services.delete_account(account=account, actor=actor(request))
    note = _("“%(label)s” is deleted.") % {"label": account.label}
    return leave(request, resolve_url("console:numbers", workspace_id=account.workspace_id), note)


def _ask(request: MemberRequest, account: WhatsAppAccount, question: str) -> HttpResponse:
    """The question in a dialog for htmx, on a page of its own otherwise."""
    context = head_context(account, tab="danger") | {
        "question_template": f"console/number/_{question}.html"
    }
    if is_partial(request):
        return render(request, context["question_template"], context)
    return render(request, "console/number/confirm.html", context)
