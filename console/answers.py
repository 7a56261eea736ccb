"""The three answers to a form: a partial for htmx, a redirect for everybody else, sign in again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url


def is_partial(request: HttpRequest) -> bool:
    """htmx asks for a part of a page. A restored history entry needs the whole page."""
    headers = request.headers
    return "HX-Request" in headers and "HX-History-Restore-Request" not in headers


def done(
    request: HttpRequest,
    *,
    template: str,
    context: dict[str, Any],
    url: str,
    note: str = "",
    error: str = "",
) -> HttpResponse:
    """After a change: the fresh partial with its note, or a redirect that shows the note."""
    if is_partial(request):
        return render(request, template, {**context, "note": note, "error": error})
    if note:
        messages.success(request, note)
    if error:
        messages.error(request, error)
    return redirect(url)


def leave(request: HttpRequest, url: str, note: str = "") -> HttpResponse:
    """Go to another page, whoever asked."""
    if note:
        messages.success(request, note)
    if is_partial(request):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def sign_in_again(request: HttpRequest) -> HttpResponse:
    """The session ended while a page was open: htmx must not swap the sign-in form into it."""
    return HttpResponse(status=401, headers={"HX-Redirect": resolve_url("console:sign-in")})
