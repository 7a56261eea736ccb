"""Every refusal of the API in the one shape, whoever raised it."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import Error
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from ..database_errors import is_away
from ..quotas import QuotaExceeded
from ..storage_errors import StorageFailed
from .problems import Problem, body

logger = logging.getLogger(__name__)

DATABASE_PAUSE = 5  # seconds after which a client may ask again
_TOO_LARGE = f"Send at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes."


def handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every refusal in the one shape."""
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    elif isinstance(exc, QuotaExceeded):
        exc = _quota(exc)
    elif isinstance(exc, StorageFailed):
        logger.error("a file could not be kept: %s", exc)
        exc = Problem(503, "storage_failed", "The storage does not answer; ask again.")
    elif isinstance(exc, Error) and is_away(exc):
        logger.warning("the database did not answer a request: %s", exc)
        exc = Problem(503, "database_unavailable", "The database does not answer; ask again.")
        exc.wait = DATABASE_PAUSE
    elif isinstance(exc, RequestDataTooBig):
        exc = Problem(413, "too_large", _TOO_LARGE)
    response = exception_handler(exc, context)
    if response is None or not isinstance(exc, exceptions.APIException):
        return response
    extra: dict[str, Any] = {}
    if isinstance(exc, Problem):
        code, detail, extra = exc.code, str(exc.detail), exc.extra
    elif isinstance(exc, exceptions.ValidationError):
        code = "invalid"
        extra["errors"] = _by_field(exc.detail)
        first = next(iter(extra["errors"].items()))
        detail = f"{first[0]}: {first[1][0]}" if first[0] else first[1][0]
    elif isinstance(exc, exceptions.NotFound):
        code, detail = "not_found", "There is no such object in this workspace."
    else:
        code, detail = str(exc.get_codes()), str(exc.detail)
    response.data = body(response.status_code, code, detail, **extra)
    response.content_type = "application/problem+json"
    return response


def _quota(exc: QuotaExceeded) -> Problem:
    problem = Problem(exc.status, "quota_exceeded", str(exc), **exc.as_problem())
    problem.wait = exc.retry_after  # DRF makes Retry-After of it
    return problem


def _by_field(detail: Any) -> dict[str, list[str]]:
    if isinstance(detail, dict):
        return {
            ("" if name == "non_field_errors" else str(name)): [str(e) for e in _flat(errors)]
            for name, errors in detail.items()
        }
    return {"": [str(e) for e in _flat(detail)]}


def _flat(errors: Any) -> list[Any]:
    if isinstance(errors, dict):
        return [f"{name}: {e}" for name, nested in errors.items() for e in _flat(nested)]
    if isinstance(errors, list):
        return [e for nested in errors for e in _flat(nested)]
    return [errors]


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return _plain(status.HTTP_404_NOT_FOUND, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> JsonResponse:
    return _plain(500, "internal", "Something broke on our side; the log has the details.")


def _plain(status_code: int, code: str, detail: str) -> JsonResponse:
    return JsonResponse(
        body(status_code, code, detail),
        status=status_code,
        content_type="application/problem+json",
    )
