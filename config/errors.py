"""404 and 500 in the shape that the asker expects: problem+json for programs, a page for people."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views import defaults

from accounts.api import errors as problems


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if request.path.startswith("/api/"):
        return problems.not_found(request, exception)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    if request.path.startswith("/api/"):
        return problems.server_error(request)
    return defaults.server_error(request)
