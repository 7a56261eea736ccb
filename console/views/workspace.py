"""A workspace's own page: its name, its settings, what it may use, its export and its end."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _

from accounts import lifecycle, preferences, quotas, services
from events import services as event_log

from ..access import ADMINISTER, OWN, MemberRequest, actor, workspace_page
from ..answers import leave
from ..downloads import export_of
from ..workspace_forms import DeleteForm, NameForm, SettingsForm


@workspace_page("GET")
def page(request: MemberRequest) -> HttpResponse:
    return _page(request, NameForm(initial={"name": request.workspace.name}), None)


@workspace_page("POST", may=ADMINISTER)
def rename(request: MemberRequest) -> HttpResponse:
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            lifecycle.rename(
                workspace=request.workspace, name=form.cleaned_data["name"], actor=actor(request)
            )
            return leave(request, _here(request), _("Saved."))
        except services.NameTaken:
            form.add_error("name", _("Another workspace has this name; choose another one."))
    return _page(request, form, None)


@workspace_page("POST", may=ADMINISTER)
def change(request: MemberRequest) -> HttpResponse:
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return _page(request, NameForm(initial={"name": request.workspace.name}), form)
    preferences.change(workspace=request.workspace, actor=actor(request), **form.cleaned_data)
    return leave(request, _here(request), _("Saved."))


@workspace_page("POST", may=OWN)
def export(request: MemberRequest) -> HttpResponseBase:
    """POST, as it leaves a line in the audit log."""
    services.record(
        workspace=request.workspace,
        actor=actor(request),
        action="workspace.exported",
        target=request.workspace.name,
    )
    return export_of(request, request.workspace)


@workspace_page("GET", "POST", may=OWN)
def delete(request: MemberRequest) -> HttpResponse:
    """GET asks for the name, POST deletes."""
    form = DeleteForm(request.POST or None, name=request.workspace.name)
    if request.method == "POST" and form.is_valid():
        lifecycle.delete(workspace=request.workspace, actor=actor(request))
        return redirect(_here(request))  # which says that it is being purged
    context = {"form": form, "events": event_log.head(request.workspace.pk)}
    return render(request, "console/workspace/delete.html", context)


def _page(request: MemberRequest, name: NameForm, chosen: SettingsForm | None) -> HttpResponse:
    context = {
        "name_form": name,
        "form": chosen or SettingsForm.of(request.workspace),
        "usage": quotas.usage(request.workspace),
        "may_own": request.membership.may(OWN),
    }
    status = 422 if name.errors or (chosen is not None and chosen.errors) else 200
    return render(request, "console/workspace/page.html", context, status=status)


def _here(request: MemberRequest) -> str:
    return resolve_url("console:workspace-settings", workspace_id=request.workspace.pk)
