"""The three answers to a form: a partial for htmx, a redirect for everybody else, sign in again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.cache import patch_cache_control, patch_vary_headers


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


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and back. When the session ended while a page was open, htmx must not
    swap the form into it."""
    sign_in = resolve_url("console:sign-in")
    if is_partial(request):
        return HttpResponse(status=401, headers={"HX-Redirect": sign_in})
    return redirect_to_login(request.get_full_path(), sign_in)


def for_this_person(response: HttpResponseBase) -> HttpResponseBase:
    """Kept by the browser of this person alone, asked for anew, and a part is not the page."""
    patch_cache_control(response, private=True, no_cache=True)
    patch_vary_headers(response, ["HX-Request"])
    return response
