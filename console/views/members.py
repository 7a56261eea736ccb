"""Members: who is here, who was invited, and the page behind an invitation's link."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login as start_login
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.template.loader import render_to_string
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import invitations, members
from accounts.models import Invitation, Membership, User
from accounts.roles import EXPLAINED, Role, grantable, may_handle

from ..access import MEMBERS, MemberRequest, actor, workspace_page
from ..answers import is_partial, leave
from ..people_forms import InviteForm, JoinForm, RoleForm

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@workspace_page()
def page(request: MemberRequest) -> HttpResponse:
    return _page(request, InviteForm(request.membership.role))


@workspace_page("POST", may=MEMBERS)
def invite(request: MemberRequest) -> HttpResponse:
    form = InviteForm(request.membership.role, request.POST)
    if not form.is_valid():
        return _page(request, form)
    email = form.cleaned_data["email"]
    made, text = invitations.create(
        workspace=request.workspace,
        role=form.cleaned_data["role"],
        email=email,
        by=request.membership.role,
        actor=actor(request),
    )
    url = settings.PUBLIC_URL + resolve_url("console:join", text=text)
    context: dict[str, Any] = {"invitation": made, "url": url, "mailed": False}
    if email and settings.MAIL_CONFIGURED:
        context["mailed"] = _send(made, url, request.user)
    # The only answer that ever holds the link.
    response = render(request, "console/members/invited.html", context)
    patch_cache_control(response, no_store=True)
    return response


@workspace_page("POST", may=MEMBERS)
def withdraw(request: MemberRequest, invitation_id: UUID) -> HttpResponse:
    found = get_object_or_404(Invitation, workspace=request.workspace, pk=invitation_id)
    invitations.revoke(invitation=found, actor=actor(request))
    return leave(request, _address(request), _("The invitation is withdrawn."))


@workspace_page("POST", may=MEMBERS)
def change_role(request: MemberRequest, user_id: UUID) -> HttpResponse:
    membership = _member(request, user_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Role: use owner, admin, operator or viewer."))
        return leave(request, _address(request))
    role = form.cleaned_data["role"]
    try:
        members.change_role(
            membership=membership, role=role, by=request.membership.role, actor=actor(request)
        )
    except (members.LastOwner, members.NotAllowed) as exc:
        messages.error(request, _told(exc))
        return leave(request, _address(request))
    words = {"who": membership.user.email, "role": Role(role).label}
    return leave(request, _address(request), _("%(who)s is %(role)s now.") % words)


@workspace_page("GET", "POST", may=MEMBERS)
def remove(request: MemberRequest, user_id: UUID) -> HttpResponse:
    """GET asks, POST removes."""
    membership = _member(request, user_id)
    if request.method == "GET":
        return _ask(request, "remove", {"member": membership})
    try:
        members.remove(membership=membership, by=request.membership.role, actor=actor(request))
    except (members.LastOwner, members.NotAllowed) as exc:
        messages.error(request, _told(exc))
        return leave(request, _address(request))
    told = _("%(who)s is no longer a member.") % {"who": membership.user.email}
    return leave(request, _address(request), told)


@workspace_page("GET", "POST")
def leave_workspace(request: MemberRequest) -> HttpResponse:
    """GET asks, POST leaves. Every member may."""
    if request.method == "GET":
        return _ask(request, "leave", {})
    try:
        members.leave(membership=request.membership, actor=actor(request))
    except members.LastOwner as exc:
        messages.error(request, _told(exc))
        return leave(request, _address(request))
    told = _("You have left “%(name)s”.") % {"name": request.workspace.name}
    return leave(request, resolve_url("console:you"), told)


@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, text: str) -> HttpResponse:
    """Behind the link: a new person says who it is, one who is signed in agrees."""
    response = _join(request, text)
    patch_cache_control(response, no_store=True)
    return response


def _join(request: HttpRequest, text: str) -> HttpResponse:
    try:
        invitation = invitations.find(text)
        if request.user.is_authenticated:
            return _join_as(request, invitation, request.user)
        return _join_as_new(request, invitation)
    except invitations.Unusable:
        return render(request, "console/members/unusable.html", status=410)


def _join_as(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    wrong = bool(invitation.email) and invitation.email != user.email.lower()
    if request.method == "POST" and not wrong:
        invitations.accept(invitation=invitation, user=user)
        return redirect("console:overview", workspace_id=invitation.workspace_id)
    context = {"invitation": invitation, "wrong": wrong, "explained": _explained(invitation)}
    return render(request, "console/members/join.html", context)


def _join_as_new(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = JoinForm(invitation, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user, _membership = invitations.accept_as_new(
                invitation=invitation,
                email=form.cleaned_data["email"],
                name=form.cleaned_data["name"],
                password=form.cleaned_data["password"],
            )
        except invitations.AddressTaken:
            form.add_error(
                "email",
                _("Somebody signs in with this address already. Sign in, then use the link."),
            )
        else:
            start_login(request, user, backend=BACKEND)
            return redirect("console:overview", workspace_id=invitation.workspace_id)
    context = {"invitation": invitation, "form": form, "explained": _explained(invitation)}
    return render(request, "console/members/join.html", context)


def _page(request: MemberRequest, form: InviteForm) -> HttpResponse:
    mine = request.membership.role
    found = request.workspace.memberships.select_related("user").order_by("user__email")
    context: dict[str, Any] = {
        "rows": [
            {
                "member": row,
                "is_you": row.user_id == request.user.pk,
                "roles": _choices(mine, row),
            }
            for row in found
        ],
        "form": form,
        "explained": [(role.label, EXPLAINED[role]) for role in Role],
    }
    if request.membership.may(MEMBERS):
        context["invitations"] = request.workspace.invitations.open().order_by("-created_at")
    live = request.method == "GET" and is_partial(request)
    return render(request, f"console/members/{'_live' if live else 'page'}.html", context)


def _choices(mine: str, row: Membership) -> list[tuple[str, str, bool]]:
    """The roles that I could give this member; none when I may not touch it."""
    if not may_handle(mine, row.role):
        return []
    return [(role.value, str(role.label), role == row.role) for role in grantable(mine)]


def _send(invitation: Invitation, url: str, by: User) -> bool:
    """False when the mail server does not take it: the page shows the link anyway."""
    context = {"invitation": invitation, "url": url, "by": by}
    try:
        send_mail(
            subject=_("Join “%(name)s” on Switchboard") % {"name": invitation.workspace.name},
            message=render_to_string("console/members/mail.txt", context),
            from_email=None,
            recipient_list=[invitation.email],
        )
    except OSError:  # smtplib's errors are among them
        return False
    return True


def _ask(request: MemberRequest, question: str, context: dict[str, Any]) -> HttpResponse:
    """The question in a dialog for htmx, on a page of its own otherwise."""
    context["question_template"] = f"console/members/_{question}.html"
    if is_partial(request):
        return render(request, context["question_template"], context)
    return render(request, "console/members/confirm.html", context)


def _member(request: MemberRequest, user_id: UUID) -> Membership:
    found = request.workspace.memberships.select_related("user", "workspace")
    return get_object_or_404(found, user_id=user_id)


def _address(request: MemberRequest) -> str:
    return resolve_url("console:members", workspace_id=request.workspace.pk)


def _explained(invitation: Invitation) -> Any:
    return EXPLAINED[Role(invitation.role)]


def _told(exc: Exception) -> str:
    if isinstance(exc, members.LastOwner):
        return _("This is the last owner of the workspace. Make somebody else an owner first.")
    return _("Only an owner can make, change or remove owners.")
