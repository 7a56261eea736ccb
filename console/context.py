"""What every page needs to know."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.models import Workspace
from accounts.roles import Right


def console(request: HttpRequest) -> dict[str, Any]:
    """The workspace around the page, where there is one, and the places to go from here."""
    known: dict[str, Any] = {"sandbox": settings.SANDBOX, "mail": settings.MAIL_CONFIGURED}
    membership = getattr(request, "membership", None)
    if membership is None:
        return known | {"place": _place(request)}
    return known | {
        "workspace": membership.workspace,
        "membership": membership,
        "place": _place(request),
        "may_operate": membership.may_operate,
        "may_administer": membership.may_administer,
        "may": {right.value: membership.may(right) for right in Right},
        "live_seq": getattr(request, "live_seq", 0),
        "other_workspaces": Workspace.objects.visible_to(request.user)
        .exclude(pk=membership.workspace_id)
        .order_by("name"),
    }


PLACES = {
    "search": "search",
    "overview": "overview",
    "number": "numbers",
    "event": "events",
    "webhook": "webhooks",
    "sandbox": "sandbox",
    "key": "keys",
    "workspace": "settings",
    "member": "members",
    "invitation": "members",
    "audit": "audit",
    "admin-installation": "installation",
    "admin-node": "installation",
    "admin-": "workspaces",
}


def _place(request: HttpRequest) -> str:
    """The entry of the navigation that this page belongs to."""
    name = (request.resolver_match.url_name if request.resolver_match else "") or ""
    return next((place for start, place in PLACES.items() if name.startswith(start)), "")
