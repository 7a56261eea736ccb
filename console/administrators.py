"""Pages for administrators of the installation. For everybody else they do not exist.

An administrator sees names, counts and limits, never what a workspace says or hears.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import resolve_url
from django.utils.cache import patch_cache_control, patch_vary_headers

from accounts import logins, wall

from .answers import is_partial, sign_in_again


def administrator_page(*methods: str) -> Callable[[Callable[..., HttpResponseBase]], Any]:
    """404 for people who are no administrators, whatever the method."""
    allowed = methods or ("GET",)

    def decorate(view: Callable[..., HttpResponseBase]) -> Any:
        @functools.wraps(view)
        def wrapper(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                if is_partial(request):
                    return sign_in_again(request)
                return redirect_to_login(request.get_full_path(), resolve_url("console:sign-in"))
            if not request.user.is_staff:
                raise Http404
            if request.method not in (*allowed, *(("HEAD",) if "GET" in allowed else ())):
                return HttpResponseNotAllowed(allowed)
            logins.touch(request)
            # They work on the whole installation: this is what the wall is opened for.
            with wall.everything():
                response = view(request, **kwargs)
            patch_cache_control(response, private=True, no_cache=True)
            patch_vary_headers(response, ["HX-Request"])
            return response

        return wrapper

    return decorate
