"""Health and figures are asked for by address: whoever probes does not know the name people use."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.http.request import split_domain_port, validate_host


def middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Take a probe under any name, as if it had used one of ours. Its answers name no host."""
    probed = re.compile("|".join(settings.SECURE_REDIRECT_EXEMPT))

    def answer(request: HttpRequest) -> HttpResponseBase:
        if probed.match(request.path.lstrip("/")):
            domain, _port = split_domain_port(request.META.get("HTTP_HOST", ""))
            if not validate_host(domain, settings.ALLOWED_HOSTS):
                request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].lstrip(".")
        return get_response(request)

    return answer
