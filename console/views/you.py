"""A person's own pages: name, password, second factor, where one is signed in."""

from __future__ import annotations

from typing import Any, cast

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import audit, logins
from accounts.models import User

from ..access import personal_page
from ..clients import describe
from ..people_forms import NameForm


@personal_page("GET", "POST")
def page(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    logins.touch(request)
    form = NameForm(request.POST or None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        User.objects.filter(pk=user.pk).update(name=name)
        audit.record_of_person(user, action="person.renamed", previous=user.name, name=name)
        messages.success(request, _("Saved."))
        return redirect("console:you")
    factors = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    context: dict[str, Any] = {
        "tab": "you",
        "form": form,
        "memberships": user.memberships.select_related("workspace").order_by("workspace__name"),
        "has_totp": Authenticator.Type.TOTP in factors,
        "logins_count": len(logins.of(user)),
    }
    return render(request, "console/you/page.html", context)


@personal_page()
def sessions(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    logins.touch(request)
    rows = [
        {"login": login, "client": describe(login.user_agent), "is_current": login.is_current()}
        for login in logins.of(user)
    ]
    return render(request, "console/you/sessions.html", {"tab": "sessions", "rows": rows})


@personal_page("POST")
def end_session(request: HttpRequest, login_id: int) -> HttpResponse:
    user = cast(User, request.user)
    if not logins.end(user, login_id):
        raise Http404
    audit.record_of_person(user, action="person.login_ended")
    messages.success(request, _("That login has ended."))
    return redirect("console:you-sessions")


@personal_page("POST")
def end_others(request: HttpRequest) -> HttpResponse:
    """Everywhere but here."""
    user = cast(User, request.user)
    ended = logins.end_others(user, keep=request.session.session_key or "")
    audit.record_of_person(user, action="person.logins_ended", count=ended)
    told = ngettext("%(n)s login has ended.", "%(n)s logins have ended.", ended) % {"n": ended}
    messages.success(request, told)
    return redirect("console:you-sessions")


@personal_page("POST")
def end_all(request: HttpRequest) -> HttpResponse:
    """Everywhere, here too."""
    user = cast(User, request.user)
    ended = logins.end_others(user)
    audit.record_of_person(user, action="person.logins_ended", count=ended)
    logout(request)
    messages.success(request, _("You are signed out everywhere."))
    return redirect("console:sign-in")
