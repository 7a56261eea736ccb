"""One virtual phone: its screen, and everything that it can send. Only in the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _

from accounts.models import WhatsAppAccount
from messaging.media import serving
from sessions_mgr.sandbox_gateway import SandboxError

from .. import phone_talk, virtual_phones
from ..access import OPERATE, MemberRequest, workspace_page
from ..answers import done, is_partial
from ..bubbles import EMOJI
from .phones import sandbox_only

FOLDER = "console/phones/one"


@sandbox_only
@workspace_page()
def page(request: MemberRequest, phone_number: str) -> HttpResponse:
    context = _context(request, phone_number)
    template = "_talk.html" if is_partial(request) else "page.html"
    return render(request, f"{FOLDER}/{template}", context)


@sandbox_only
@workspace_page("POST", may=OPERATE)
def send(request: MemberRequest, phone_number: str) -> HttpResponse:
    """Text, file, location, contact or poll."""
    file = request.FILES.get("file")
    posted = request.POST.dict()

    def order() -> None:
        phone_talk.send(phone_number, posted, file if isinstance(file, UploadedFile) else None)

    return _answer(request, phone_number, order, typed=posted)


@sandbox_only
@workspace_page("POST", may=OPERATE)
def act(request: MemberRequest, phone_number: str) -> HttpResponse:
    """React, edit, revoke, vote or read, as ?verb says; or show that it is typing."""
    verb, posted = request.POST.get("verb", ""), request.POST.dict()
    options = [text for text in request.POST.getlist("option") if isinstance(text, str)]

    def order() -> None:
        if verb == "typing":
            phone_talk.type_to(phone_number, posted.get("to", ""))
        else:
            phone_talk.act(phone_number, verb, posted, options)

    return _answer(request, phone_number, order)


@sandbox_only
@workspace_page("POST", may=OPERATE)
def group(request: MemberRequest, phone_number: str) -> HttpResponse:
    """A new group of this phone."""
    people = [text for text in request.POST.getlist("people") if isinstance(text, str)]
    subject = request.POST.get("subject", "")
    note = _("The group “%(subject)s” is there.") % {"subject": subject}
    return _answer(
        request,
        phone_number,
        lambda: phone_talk.make_group(phone_number, subject, people),
        note=note,
    )


@sandbox_only
@workspace_page()
def file(request: MemberRequest, phone_number: str, entry: str) -> HttpResponse:
    """A file that the phone received; shown only where no browser can execute it."""
    try:
        found = phone_talk.file_of(phone_number, entry)
    except SandboxError as exc:
        if exc.status == 404:
            raise Http404 from None
        return HttpResponse(exc.detail, status=exc.status, content_type="text/plain")
    kind = found.mime_type.partition(";")[0].strip().lower()
    shown = kind in serving.SHOWN
    answer = HttpResponse(found.data, content_type=kind if shown else "application/octet-stream")
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Content-Disposition"] = "inline" if shown else "attachment"
    return answer


def _answer(
    request: MemberRequest,
    number: str,
    order: Callable[[], None],
    *,
    note: str = "",
    typed: dict[str, Any] | None = None,
) -> HttpResponse:
    error = ""
    try:
        order()
    except SandboxError as exc:
        error, note = exc.detail, ""
    context = _context(request, number)
    if error and typed:
        context["typed"] = typed
    if error and not is_partial(request):  # what was typed stays
        context["error"] = error
        return render(request, f"{FOLDER}/page.html", context, status=422)
    return done(
        request,
        template=f"{FOLDER}/_answer.html",
        context={name: value for name, value in context.items() if name != "error" or not error},
        url=_url(request, number),
        note=note,
        error=error,
    )


def _url(request: MemberRequest, number: str) -> str:
    """The page, with the same recipient chosen again."""
    page = resolve_url(
        "console:sandbox-phone", workspace_id=request.workspace.pk, phone_number=number
    )
    to = request.POST.get("to", "")
    return f"{page}?{urlencode({'to': to})}" if to else page


def _context(request: MemberRequest, number: str) -> dict[str, Any]:
    accounts = WhatsAppAccount.objects.present().filter(workspace=request.workspace)
    linked = accounts.exclude(phone_number=None).order_by("label")
    context: dict[str, Any] = {
        "phone": virtual_phones.VirtualPhone(number, number, online=False, links=0),
        "targets": [account for account in linked if account.phone_number != number],
        "account": next((one for one in linked if one.phone_number == number), None),
        "emoji": EMOJI,
        "chosen": request.POST.get("to") or request.GET.get("to", ""),
    }
    try:
        found = virtual_phones.phones()
        phone = next((one for one in found if one.number == number), None)
        if phone is None:
            raise Http404
        own = {account.phone_number for account in context["targets"]}
        groups = phone_talk.groups(number)
        context |= {
            "phone": phone,
            "people": [one for one in found if one.number != number],
            "others": [one for one in found if one.number not in {number, *own}],
            "groups": groups,
            "entries": phone_talk.entries(number, request.workspace, groups),
        }
    except SandboxError as exc:
        context["error"] = exc.detail
    return context
