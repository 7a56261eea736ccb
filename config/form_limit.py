"""Forms that are larger than any of ours: 413 before anybody reads them.

JSON has its limit in its parsers, files have theirs where they are stored.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from accounts.api.bodies import DIGITS

FORM = "application/x-www-form-urlencoded"


class FormLimit:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.content_type == FORM and _length(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            return render(request, "413.html", {"most": most}, status=413)
        return self._get_response(request)


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text[:DIGITS]) if text.isascii() and text.isdigit() else 0
