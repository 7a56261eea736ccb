"""The answers to a form: a partial for htmx, a redirect for everybody else, sign in again, or
nothing here to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _


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
    """To the sign-in page and back to the page where the person was. When the session ended while a
    page was open, htmx must not swap the form into it."""
    sign_in = resolve_url("console:sign-in")
    if request.method == "POST":
        messages.warning(request, _("You were signed out, so nothing was changed. Do it again."))
    if not is_partial(request) and request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path(), sign_in)
    page = _page_of(request)
    answer = redirect_to_login(page, sign_in) if page else HttpResponseRedirect(sign_in)
    if is_partial(request):
        return HttpResponse(status=401, headers={"HX-Redirect": answer.url})
    return answer


def _page_of(request: HttpRequest) -> str:
    """Path and query of our page that sent this; empty when it is not known. The address that a
    form goes to shows nothing."""
    sender = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(sender, {request.get_host()}):
        return ""
    found = urlsplit(sender)
    return f"{found.path}?{found.query}" if found.query else found.path


def wrong_method(request: HttpRequest, allowed: Sequence[str]) -> HttpResponse:
    """405, as a page: a browser that starts again asks for the address of a form with GET."""
    answer = render(request, "405.html", status=405)
    answer["Allow"] = ", ".join(allowed)
    return answer


def for_this_person(response: HttpResponseBase) -> HttpResponseBase:
    """Kept by the browser of this person alone, asked for anew, and a part is not the page."""
    patch_cache_control(response, private=True, no_cache=True)
    patch_vary_headers(response, ["HX-Request"])
    return response
