"""One number: its state, and the way to a connection. The other tabs are in tabs.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.models import WhatsAppAccount
from sessions_mgr import commands, services
from sessions_mgr.models import Session

from ..access import OPERATE, MemberRequest, actor, workspace_page
from ..answers import done
from ..forms import PairingCodeForm, first_error
from ..pictures import qr_svg
from ..statuses import face, main_button, other_buttons

PANEL = "console/number/_connect.html"


@workspace_page()
def page(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    return render(request, "console/number/page.html", connect_context(account))


@workspace_page()
def panel(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """The Connect tab and the head, as they are now."""
    return render(request, PANEL, connect_context(account))


@workspace_page()
def head(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    return render(request, "console/number/_head.html", head_context(account, tab="elsewhere"))


@workspace_page()
def qr(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """Only the code: WhatsApp rotates it every 20 seconds or so."""
    return render(request, "console/number/_qr.html", connect_context(account))


@workspace_page("POST", may=OPERATE)
def connect(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    services.request_connect(account=account, actor=actor(request))
    return _answer(request, account)


@workspace_page("POST", may=OPERATE)
def disconnect(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    services.request_disconnect(account=account, actor=actor(request))
    return _answer(request, account)


@workspace_page("POST", may=OPERATE)
def restart(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    services.request_restart(account=account, actor=actor(request))
    return _answer(request, account)


@workspace_page("POST", may=OPERATE)
def pairing_code(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """Ask WhatsApp for a code that the phone with this number can type."""
    form = PairingCodeForm(request.POST)
    if not form.is_valid():
        return _answer(request, account, form=form, error=first_error(form))
    try:
        made = services.request_pairing_code(
            account=account, phone_number=form.cleaned_data["phone_number"], actor=actor(request)
        )
    except commands.CommandFailed as exc:
        return _answer(request, account, form=form, error=exc.detail)
    note = _("Type %(code)s on the phone.") % {"code": made["code"]}
    return _answer(request, account, form=form, note=note, pairing=_pairing(made))


def head_context(account: WhatsAppAccount, *, tab: str) -> dict[str, Any]:
    """What the head of every tab shows."""
    session = account.session
    return {
        "account": account,
        "session": session,
        "face": face(session.status),
        "main_button": main_button(session.status, session.reason_code),
        "other_buttons": other_buttons(session.status),
        "tab": tab,
        "retry_in": _seconds_until(session.retry_at),
    }


def connect_context(account: WhatsAppAccount) -> dict[str, Any]:
    session = account.session
    return head_context(account, tab="connect") | {
        "state_template": f"console/number/states/{session.status}.html",
        "qr": qr_svg(session.qr_code) if session.qr_code else "",
        "qr_in": _seconds_until(session.qr_expires_at),
        "pairing": _stored_pairing(session),
        "pairing_form": PairingCodeForm(),
        "public_url": settings.PUBLIC_URL,
    }


def _answer(
    request: MemberRequest,
    account: WhatsAppAccount,
    *,
    form: PairingCodeForm | None = None,
    note: str = "",
    error: str = "",
    pairing: dict[str, Any] | None = None,
) -> HttpResponse:
    """The panel as it is after the change."""
    account.refresh_from_db()
    account.session.refresh_from_db()
    context = connect_context(account)
    if form:
        context["pairing_form"] = form
    if pairing:
        context["pairing"] = pairing
    return done(
        request,
        template=PANEL,
        context=context,
        url=number_url(request, account),
        note=note,
        error=error,
    )


def number_url(request: HttpRequest, account: WhatsAppAccount, name: str = "number") -> str:
    return resolve_url(f"console:{name}", workspace_id=account.workspace_id, account_id=account.pk)


def _stored_pairing(session: Session) -> dict[str, Any] | None:
    left = _seconds_until(session.pairing_code_expires_at)
    if not session.pairing_code or not left:
        return None
    return {"code": _grouped(session.pairing_code), "seconds": left}


def _pairing(made: dict[str, Any]) -> dict[str, Any]:
    until = made["expires_at"]
    at = parse_datetime(until) if isinstance(until, str) else datetime.fromtimestamp(until, UTC)
    return {"code": _grouped(made["code"]), "seconds": _seconds_until(at)}


def _grouped(code: str) -> str:
    """ABCD-EFGH, as the phone asks for it."""
    plain = code.replace("-", "")
    return f"{plain[:4]}-{plain[4:]}"


def _seconds_until(at: datetime | None) -> float:
    return max(0.0, round((at - timezone.now()).total_seconds(), 1)) if at else 0.0
