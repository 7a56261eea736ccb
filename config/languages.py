"""Which language somebody reads: chosen, or what the browser asks for. The API speaks English."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

# Programs compare what they read, and its answers end up in logs: one language, whoever asks.
FOR_PROGRAMS = ("/api/", "/health/", "/metrics")


class ConsoleLanguage(LocaleMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        if not request.path_info.startswith(FOR_PROGRAMS):
            super().process_request(request)
            return
        translation.activate("en")
        request.LANGUAGE_CODE = "en"

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path_info.startswith(FOR_PROGRAMS):
            return response  # the same for everybody, so it varies with nothing
        return super().process_response(request, response)
