"""API keys: made here, shown once, revoked here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _

from accounts import services
from accounts.models import ApiKey

from ..access import ADMINISTER, MemberRequest, workspace_page
from ..answers import is_partial, leave
from ..forms import KeyForm


@workspace_page("GET", "POST", may=ADMINISTER)
def page(request: MemberRequest) -> HttpResponse:
    form = KeyForm(request.POST or None)
    context: dict[str, Any] = {"public_url": settings.PUBLIC_URL}
    if request.method == "POST" and form.is_valid():
        key, text = services.create_api_key(
            workspace=request.workspace,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            actor=f"user:{request.user.email}",
        )
        # The only answer that ever holds the key: no redirect could carry it, no cache may keep it.
        context |= {"made": key, "made_text": text}
        form = KeyForm()
    context |= {"form": form, "keys": _keys(request)}
    response = render(request, "console/keys/page.html", context)
    patch_cache_control(response, no_store=True)
    return response


@workspace_page("GET", "POST", may=ADMINISTER)
def revoke(request: MemberRequest, key_id: UUID) -> HttpResponse:
    """GET asks, POST revokes; again and again is once."""
    key = get_object_or_404(
        ApiKey.objects.select_related("workspace"), workspace=request.workspace, public_id=key_id
    )
    if request.method == "GET":
        template = "_revoke.html" if is_partial(request) else "confirm.html"
        return render(request, f"console/keys/{template}", {"key": key})
    services.revoke_api_key(key=key, actor=f"user:{request.user.email}")
    back = redirect("console:keys", workspace_id=request.workspace.pk)
    return leave(request, back.url, _("The key “%(name)s” is revoked.") % {"name": key.name})


def _keys(request: MemberRequest) -> Any:
    return ApiKey.objects.filter(workspace=request.workspace).order_by("revoked", "-created")
