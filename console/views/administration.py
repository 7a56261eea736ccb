"""For administrators of the installation: every workspace, what it may use, suspended or not.

They see names, counts and limits, never what a workspace says or hears: nothing here reads
messages, events or contacts. Whoever is no administrator gets 404, as for all that is not theirs.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _

from accounts import audit, lifecycle, passwords, quotas, services
from accounts.models import User, Workspace
from accounts.tenant_models import WorkspacePurge

from ..administrators import administrator_page
from ..answers import leave
from ..workspace_forms import DeleteForm, NewWorkspaceForm, QuotaForm, SuspendForm

PAGE_SIZE = 50


@administrator_page("GET", "POST")
def workspaces(request: HttpRequest) -> HttpResponse:
    form = NewWorkspaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made, link = _create(request, form)
        if made is not None and link:
            # The only answer that ever holds the link.
            context = {"made": made, "link": link, "owner": form.cleaned_data["owner"]}
            context |= {"place": "workspaces", "hours": settings.PASSWORD_RESET_TIMEOUT // 3600}
            answer = render(request, "console/administration/made.html", context)
            patch_cache_control(answer, no_store=True)
            return answer
        if made is not None:
            return redirect("console:admin-workspace", workspace_id=made.pk)
    pages = Paginator(Workspace.objects.order_by("name", "pk"), PAGE_SIZE)
    shown = pages.get_page(request.GET.get("page"))
    used = quotas.used_by([workspace.pk for workspace in shown])
    context = {
        "form": form,
        "place": "workspaces",
        "rows": [{"workspace": workspace, "used": used[workspace.pk]} for workspace in shown],
        "page": shown,
        "page_numbers": pages.get_elided_page_range(shown.number, on_each_side=1, on_ends=1),
        "purges": WorkspacePurge.objects.order_by("finished_at", "-requested_at")[:20],
    }
    status = 422 if form.errors else 200
    return render(request, "console/administration/workspaces.html", context, status=status)


@administrator_page("GET")
def workspace(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    return _page(request, get_object_or_404(Workspace, pk=workspace_id))


@administrator_page("POST")
def quota(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    found = get_object_or_404(Workspace, pk=workspace_id)
    form = QuotaForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form)
    quotas.set_limits(workspace=found, actor=_actor(request), **form.cleaned_data)
    return leave(request, _url(found), _("Saved."))


@administrator_page("POST")
def suspend(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    found = get_object_or_404(Workspace, pk=workspace_id)
    form = SuspendForm(request.POST)
    if not form.is_valid():
        return _page(request, found, suspension=form)
    reason = form.cleaned_data["reason"]
    lifecycle.suspend(workspace=found, actor=_actor(request), reason=reason)
    return leave(request, _url(found), _("“%(name)s” is suspended.") % {"name": found.name})


@administrator_page("POST")
def resume(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    found = get_object_or_404(Workspace, pk=workspace_id)
    lifecycle.resume(workspace=found, actor=_actor(request))
    return leave(request, _url(found), _("“%(name)s” works again.") % {"name": found.name})


@administrator_page("POST")
def delete(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    found = get_object_or_404(Workspace, pk=workspace_id)
    form = DeleteForm(request.POST, name=found.name)
    if not form.is_valid():
        return _page(request, found, delete=form)
    lifecycle.delete(workspace=found, actor=_actor(request))
    note = _("“%(name)s” is being removed.") % {"name": found.name}
    return leave(request, resolve_url("console:admin-workspaces"), note)


def _create(request: HttpRequest, form: NewWorkspaceForm) -> tuple[Workspace | None, str]:
    """The workspace, and for an owner who is new here the link that sets the password."""
    name, email = form.cleaned_data["name"], form.cleaned_data["owner"]
    actor = _actor(request)
    try:
        with transaction.atomic():
            owner, is_new = services.find_or_create_owner(email=email, password=None)
            if not owner.is_active:
                form.add_error("owner", _("This person is switched off."))
                return None, ""
            made = services.create_workspace(name=name, owner=owner, actor=actor)
            if not is_new:
                return made, ""
            audit.record_of_person(owner, action="person.created", actor=actor)
            return made, passwords.make_link(user=owner, actor=actor)
    except services.NameTaken:
        form.add_error("name", _("Another workspace has this name; choose another one."))
        return None, ""


def _page(
    request: HttpRequest,
    found: Workspace,
    form: QuotaForm | None = None,
    delete: DeleteForm | None = None,
    suspension: SuspendForm | None = None,
) -> HttpResponse:
    limits = quotas.limits(found.pk)
    context = {
        "found": found,
        "place": "workspaces",
        "form": form or QuotaForm(initial={name: getattr(limits, name) for name in quotas.NAMES}),
        "suspend_form": suspension or SuspendForm(),
        "delete_form": delete or DeleteForm(name=found.name),
        "usage": quotas.usage(found),
        "purge": WorkspacePurge.objects.filter(workspace_id=found.pk).first(),
    }
    wrong = any(one is not None and one.errors for one in (form, delete, suspension))
    template = "console/administration/workspace.html"
    return render(request, template, context, status=422 if wrong else 200)


def _actor(request: HttpRequest) -> str:
    assert isinstance(request.user, User)
    return audit.person(request.user)


def _url(found: Workspace) -> str:
    return resolve_url("console:admin-workspace", workspace_id=found.pk)
