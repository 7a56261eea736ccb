"""In, and to the workspace where one was last. Signing in itself is django-allauth."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.models import Workspace

from ..access import LAST


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The workspace of last time, else the first, or a page that says there is none yet."""
    mine = Workspace.objects.visible_to(request.user).order_by("created_at")
    last = mine.filter(pk=request.session[LAST]).first() if LAST in request.session else None
    found = last or mine.first()
    if found is None:
        return render(request, "console/no_workspace.html")
    return redirect("console:overview", workspace_id=found.pk)
