"""An error as RFC 9457 problem+json: type, title, status, detail, code.

`type` is the address of the code's explanation, on a page that every installation has.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework.exceptions import APIException

PAGE = "/api/problems"

TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    502: "Bad gateway",
    503: "Not available",
    501: "Not supported",
    504: "Timed out",
}


class Problem(APIException):
    """An answer that is an error. `extra` members go into the body as they are."""

    def __init__(self, status_code: int, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail, code)
        self.status_code = status_code
        self.code = code
        self.extra = extra
        self.wait: int | None = None  # seconds for Retry-After


def body(status_code: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:
    return {
        "type": f"{settings.PUBLIC_URL}{PAGE}#{code}",
        "title": TITLES.get(status_code, "Error"),
        "status": status_code,
        "detail": detail,
        "code": code,
        **extra,
    }
