"""Virtual phones: the sandbox page, and the panel next to a number. Only in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render, resolve_url
from django.utils.translation import gettext as _

from accounts.models import WhatsAppAccount
from sessions_mgr.sandbox_gateway import SandboxError

from .. import virtual_phones
from ..access import OPERATE, MemberRequest, workspace_page
from ..answers import done, is_partial
from ..forms import VirtualMessageForm, VirtualPhoneForm, first_error
from ..provocations import PROVOCATIONS, provoke
from .number import number_url

PANEL = "console/phones/_panel.html"
LIST = "console/phones/_list.html"


def sandbox_only(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """404 where the sandbox is off, as if these pages did not exist."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.SANDBOX:
            raise Http404
        return view(*args, **kwargs)

    return wrapper


@sandbox_only
@workspace_page()
def page(request: MemberRequest) -> HttpResponse:
    template = LIST if is_partial(request) else "console/phones/page.html"
    return render(request, template, _list(request))


@sandbox_only
@workspace_page("POST", may=OPERATE)
def add(request: MemberRequest) -> HttpResponse:
    form = VirtualPhoneForm(request.POST)
    note = error = ""
    if form.is_valid():
        try:
            wanted = form.cleaned_data
            number = virtual_phones.make(wanted["phone_number"], wanted["name"])
            note = _("The virtual phone %(number)s is switched on.") % {"number": number}
        except SandboxError as exc:
            error = exc.detail
    else:
        error = first_error(form)
    return _list_answer(request, note=note, error=error)


@sandbox_only
@workspace_page("POST", may=OPERATE)
def act(request: MemberRequest, phone_number: str, verb: str) -> HttpResponse:
    """Switch a phone on or off, write from it, or have it provoke something."""
    note = error = ""
    try:
        match verb:
            case "online" | "offline":
                virtual_phones.switch(phone_number, online=verb == "online")
            case "messages":
                note, error = _write(request.POST.dict() | {"sender": phone_number})
            case "provoke" if request.POST.get("what") in PROVOCATIONS:
                note = _provoke(request, phone_number, request.POST["what"])
            case _:
                raise Http404
    except SandboxError as exc:
        error = exc.detail
    return _list_answer(request, note=note, error=error)


@sandbox_only
@workspace_page()
def panel(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    return render(request, PANEL, _panel(account))


@sandbox_only
@workspace_page()
def inbox(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """What the phone that was chosen on the panel has received."""
    context: dict[str, Any] = {"account": account, "inbox": []}
    sender = request.GET.get("sender", "")
    try:
        context["inbox"] = virtual_phones.inbox(sender) if sender else []
    except SandboxError as exc:
        context["error"] = exc.detail
    return render(request, "console/phones/_inbox.html", context)


@sandbox_only
@workspace_page("POST", may=OPERATE)
def scan(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """A virtual phone scans the code that is on the page now."""
    error = ""
    account.session.refresh_from_db()
    number = request.POST.get("phone_number", "")
    try:
        if account.session.qr_code:
            virtual_phones.scan(account, number)
        else:
            error = _("There is no code to scan right now.")
    except SandboxError as exc:
        error = exc.detail
    account.refresh_from_db()
    account.session.refresh_from_db()
    return _panel_answer(request, account, error=error)


@sandbox_only
@workspace_page("POST", may=OPERATE)
def write(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """Another virtual phone writes to this number."""
    sender = note = error = ""
    try:
        sender = request.POST.get("sender") or virtual_phones.other_phone(account)
        note, error = _write(
            {"sender": sender, "to": account.phone_number, "text": request.POST.get("text", "")}
        )
    except SandboxError as exc:
        error = exc.detail
    return _panel_answer(request, account, note=note, error=error, sender=sender)


def _provoke(request: MemberRequest, phone_number: str, what: str) -> str:
    """Only with numbers of this workspace: the phones are everybody's, what is linked is not."""
    account = get_object_or_404(_linked(request), phone_number=phone_number)
    provoke(account, what)
    return str(PROVOCATIONS[what].done)


def _write(fields: dict[str, Any]) -> tuple[str, str]:
    """Send a text. The note and the error, one of them empty."""
    form = VirtualMessageForm(fields)
    if not form.is_valid():
        return "", first_error(form)
    sent = form.cleaned_data
    virtual_phones.write(sent["sender"], sent["to"], sent["text"])
    return _("Sent from %(number)s.") % {"number": sent["sender"]}, ""


def _panel(account: WhatsAppAccount) -> dict[str, Any]:
    context: dict[str, Any] = {"account": account, "session": account.session, "phones": []}
    try:
        context["phones"] = virtual_phones.phones()
    except SandboxError as exc:
        context["error"] = exc.detail
    writers = [phone for phone in context["phones"] if phone.number != account.phone_number]
    return context | {
        "writers": writers,
        "panel_template": f"console/phones/states/{_stage(account)}.html",
    }


def _stage(account: WhatsAppAccount) -> str:
    if account.phone_number:
        return "linked"
    return "scan" if account.session.qr_code else "idle"


def _panel_answer(
    request: MemberRequest,
    account: WhatsAppAccount,
    *,
    note: str = "",
    error: str = "",
    sender: str = "",
) -> HttpResponse:
    return done(
        request,
        template=PANEL,
        context=_answered(_panel(account), error) | {"sender": sender},
        url=number_url(request, account),
        note=note,
        error=error,
    )


def _list(request: MemberRequest) -> dict[str, Any]:
    context: dict[str, Any] = {"phones": [], "form": VirtualPhoneForm()}
    linked = _linked(request).select_related("session").order_by("label")
    holders = {account.phone_number: account for account in linked}
    try:
        found = virtual_phones.phones()
        context["phones"] = [
            {
                "phone": phone,
                "account": holders.get(phone.number),
                "inbox": virtual_phones.inbox(phone.number)[:5],
                "targets": [a for a in linked if a.phone_number != phone.number],
            }
            for phone in found
        ]
    except SandboxError as exc:
        context["error"] = exc.detail
    return context | {"provocations": PROVOCATIONS}


def _linked(request: MemberRequest) -> QuerySet[WhatsAppAccount]:
    """The numbers of this workspace that a virtual phone is linked to."""
    mine = WhatsAppAccount.objects.present().filter(workspace=request.workspace)
    return mine.exclude(phone_number=None)


def _list_answer(request: MemberRequest, *, note: str, error: str) -> HttpResponse:
    return done(
        request,
        template=LIST,
        context=_answered(_list(request), error),
        url=resolve_url("console:sandbox", workspace_id=request.workspace.pk),
        note=note,
        error=error,
    )


def _answered(context: dict[str, Any], error: str) -> dict[str, Any]:
    """`done` puts its own error into the context; keep the sandbox's where there is none."""
    return {name: value for name, value in context.items() if name != "error" or not error}
