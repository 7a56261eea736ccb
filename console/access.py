"""Who may open which page. Every page of a workspace goes through `workspace_page`, a person's own
ones through `personal_page`.

Rule: what belongs to somebody else does not exist. An outsider gets 404 for every method, also
where a member would get 405 or 403, so that no answer tells whether an id is taken.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts import audit, lifecycle, logins, wall
from accounts.models import Membership, Role, User, WhatsAppAccount, Workspace
from accounts.roles import RIGHTS, Right
from accounts.tenant_models import WorkspacePurge
from events import services as event_log

from .answers import for_this_person, sign_in_first, wrong_method


class MemberRequest(HttpRequest):
    """A request of a signed-in member. `live_seq` is where the page's live feed goes on from."""

    user: User
    membership: Membership
    workspace: Workspace
    live_seq: int


class View(Protocol):
    def __call__(
        self, request: HttpRequest, workspace_id: UUID, **kwargs: Any
    ) -> HttpResponseBase: ...


# accounts/roles.py says who has which.
SEE = Right.SEE
OPERATE = Right.OPERATE
SEND = Right.SEND
ADMINISTER = Right.ADMINISTER
KEYS = Right.KEYS
MEMBERS = Right.MEMBERS
AUDIT = Right.AUDIT
OWN = Right.OWN
LAST = "last_workspace"  # in the login session: where `/` leads


def workspace_page(
    *methods: str, may: Right = SEE
) -> Callable[[Callable[..., HttpResponseBase]], View]:
    """The view gets a MemberRequest. 404 for outsiders, 403 for members without the right."""
    allowed = methods or ("GET",)

    def decorate(view: Callable[..., HttpResponseBase]) -> View:
        @functools.wraps(view)
        def wrapper(request: Any, workspace_id: UUID, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return sign_in_first(request)
            request.membership = _membership(request.user, workspace_id)
            request.workspace = request.membership.workspace
            wall.enter(workspace_id)
            if (closed := _closed(request)) is not None:
                return for_this_person(closed)
            if "account_id" in kwargs:
                kwargs["account"] = _account(request.workspace, kwargs.pop("account_id"))
            if request.method not in (*allowed, *(("HEAD",) if "GET" in allowed else ())):
                return wrong_method(request, allowed)
            if not request.membership.may(may):
                raise PermissionDenied(_forbidden(may))
            logins.touch(request)
            if request.session.get(LAST) != str(workspace_id):
                request.session[LAST] = str(workspace_id)
            # Before the page reads anything: what happens while it is made comes with the feed.
            request.live_seq = event_log.head(workspace_id)
            return for_this_person(view(request, **kwargs))

        return wrapper

    return decorate


def personal_page(
    *methods: str,
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """For everybody who is signed in."""
    allowed = methods or ("GET",)

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @functools.wraps(view)
        def wrapper(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return sign_in_first(request)
            if request.method not in (*allowed, *(("HEAD",) if "GET" in allowed else ())):
                return wrong_method(request, allowed)
            return for_this_person(view(request, **kwargs))

        return wrapper

    return decorate


def _closed(request: MemberRequest) -> HttpResponseBase | None:
    """The page that a member of a suspended or deleted workspace gets instead."""
    workspace = request.workspace
    if workspace.deleted_at:
        purge = WorkspacePurge.objects.filter(workspace_id=workspace.pk).first()
        context = {"gone": workspace, "purge": purge}
        return render(request, "console/workspace/gone.html", context, status=410)
    if why := lifecycle.suspension(workspace):
        response = render(request, "console/workspace/suspended.html", {"why": why}, status=403)
        response["X-Problem-Code"] = lifecycle.SUSPENDED
        return response
    return None


def actor(request: MemberRequest) -> str:
    """Who is at work, for the audit log."""
    return audit.person(request.user)


def _forbidden(may: Right) -> str:
    if may == OWN:
        return _("Only owners of this workspace can do this.")
    if may not in RIGHTS[Role.OPERATOR]:
        return _("Only owners and admins of this workspace can do this.")
    return _("Your role in this workspace is viewer: you can see everything and change nothing.")


def _membership(user: User, workspace_id: UUID) -> Membership:
    found = (
        Membership.objects.select_related("workspace", "user")
        .filter(workspace_id=workspace_id, user=user)
        .first()
    )
    if found is None:
        raise Http404
    return found


def _account(workspace: Workspace, account_id: UUID) -> WhatsAppAccount:
    found = (
        WhatsAppAccount.objects.present()
        .select_related("session", "workspace")
        .filter(workspace=workspace, pk=account_id, session__isnull=False)
        .first()
    )
    if found is None:
        raise Http404
    return found
