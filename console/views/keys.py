"""API keys: made here, shown once, rotated and revoked here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _

from accounts import services
from accounts.models import ApiKey, WhatsAppAccount

from ..access import KEYS, MemberRequest, actor, workspace_page
from ..answers import is_partial, leave
from ..key_forms import KeyForm, KeyRightsForm, RotateForm


@workspace_page("GET", "POST", may=KEYS)
def page(request: MemberRequest) -> HttpResponse:
    form = KeyForm(request.workspace, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            key, text = services.create_api_key(
                workspace=request.workspace, actor=actor(request), **form.fields_for_service()
            )
        except ValidationError as exc:
            form.add_error("accounts", exc)
        else:
            return _with_text(request, key, text)
    if request.method == "GET" and is_partial(request):
        return render(request, "console/keys/_list.html", {"rows": _rows(request)})
    context = {"form": form, "rows": _rows(request), "curl": _curl()}
    return render(request, "console/keys/page.html", context)


@workspace_page("GET", "POST", may=KEYS)
def rotate(request: MemberRequest, key_id: UUID) -> HttpResponse:
    """GET asks for how long the old secret works on, POST makes a new one and shows it once."""
    key = _key(request, key_id)
    form = RotateForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _ask(request, "rotate", {"key": key, "form": form})
    overlap = timedelta(hours=form.cleaned_data["overlap"])
    try:
        text = services.rotate_api_key(key=key, actor=actor(request), overlap=overlap)
    except services.NotRotatable:
        messages.error(request, _("This key works no more, so it gets no new secret."))
        return redirect("console:keys", workspace_id=request.workspace.pk)
    return _with_text(request, key, text)


@workspace_page("GET", "POST", may=KEYS)
def edit(request: MemberRequest, key_id: UUID) -> HttpResponse:
    """Another name, other scopes, other numbers; the secret stays."""
    key = _key(request, key_id)
    known = {"name": key.name, "scopes": key.scopes, "accounts": key.accounts or []}
    form = KeyRightsForm(request.workspace, request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_api_key(key=key, actor=actor(request), **form.fields_for_service())
        except services.NotChangeable:
            messages.error(request, _("This key works no more, so it cannot be changed."))
            return redirect("console:keys", workspace_id=request.workspace.pk)
        except ValidationError as exc:
            form.add_error("accounts", exc)
        else:
            note = _("The key “%(name)s” is changed.") % {"name": key.name}
            return leave(request, resolve_url("console:keys", request.workspace.pk), note)
    status = 422 if form.errors else 200
    return render(request, "console/keys/edit.html", {"key": key, "form": form}, status=status)


@workspace_page("GET", "POST", may=KEYS)
def revoke(request: MemberRequest, key_id: UUID) -> HttpResponse:
    """GET asks, POST revokes; again and again is once."""
    key = _key(request, key_id)
    if request.method == "GET":
        return _ask(request, "revoke", {"key": key})
    services.revoke_api_key(key=key, actor=actor(request))
    back = resolve_url("console:keys", workspace_id=request.workspace.pk)
    return leave(request, back, _("The key “%(name)s” is revoked.") % {"name": key.name})


def _curl() -> str:
    return (
        f'curl "{settings.PUBLIC_URL}/api/v1/events?after=0&wait=10" \\\n'
        '  -H "Authorization: Bearer $SWITCHBOARD_API_KEY"'
    )


def _with_text(request: MemberRequest, key: ApiKey, text: str) -> HttpResponse:
    """The only answer that ever holds the key: no redirect could carry it, no cache may keep it."""
    context: dict[str, Any] = {
        "made": key,
        "made_text": text,
        "public_url": settings.PUBLIC_URL,
        "form": KeyForm(request.workspace),
        "rows": _rows(request),
    }
    response = render(request, "console/keys/page.html", context)
    patch_cache_control(response, no_store=True)
    return response


def _ask(request: MemberRequest, question: str, context: dict[str, Any]) -> HttpResponse:
    """The question in a dialog for htmx, on a page of its own otherwise."""
    context["question_template"] = f"console/keys/_{question}.html"
    if is_partial(request):
        return render(request, context["question_template"], context)
    return render(request, "console/keys/confirm.html", context)


def _key(request: MemberRequest, key_id: UUID) -> ApiKey:
    key: ApiKey = get_object_or_404(
        ApiKey.objects.select_related("workspace"), workspace=request.workspace, public_id=key_id
    )
    return key


def _rows(request: MemberRequest) -> list[dict[str, Any]]:
    """The keys, the working ones first, each with the names of its numbers."""
    labels = {
        str(pk): label
        for pk, label in WhatsAppAccount.objects.filter(workspace=request.workspace).values_list(
            "pk", "label"
        )
    }
    found = ApiKey.objects.filter(workspace=request.workspace).order_by("revoked", "-created")
    return [
        {"key": key, "accounts": [labels.get(pk, pk) for pk in key.accounts or []]} for key in found
    ]
