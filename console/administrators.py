"""Pages for administrators of the installation. For everybody else they do not exist.

An administrator sees names, counts and limits, never what a workspace says or hears.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase

from accounts import logins, wall

from .answers import for_this_person, sign_in_first, wrong_method


def administrator_page(*methods: str) -> Callable[[Callable[..., HttpResponseBase]], Any]:
    """404 for people who are no administrators, whatever the method."""
    allowed = methods or ("GET",)

    def decorate(view: Callable[..., HttpResponseBase]) -> Any:
        @functools.wraps(view)
        def wrapper(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return sign_in_first(request)
            if not request.user.is_staff:
                raise Http404
            if request.method not in (*allowed, *(("HEAD",) if "GET" in allowed else ())):
                return wrong_method(request, allowed)
            logins.touch(request)
            # They work on the whole installation: this is what the wall is opened for.
            with wall.everything():
                return for_this_person(view(request, **kwargs))

        return wrapper

    return decorate
