"""In, out, and to the first workspace."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.models import Workspace

from ..forms import SignInForm


class SignInView(LoginView):
    template_name = "console/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    next_page = "console:home"


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The first workspace of the person, or a page that says there is none yet."""
    first = Workspace.objects.visible_to(request.user).order_by("created_at").first()
    if first is None:
        return render(request, "console/no_workspace.html")
    return redirect("console:overview", workspace_id=first.pk)
