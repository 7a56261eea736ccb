"""API keys in, `request.auth` out. `Authorization: Bearer <key>` or `X-Api-Key: <key>`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from .. import lifecycle, wall
from ..models import ApiKey
from .problems import Problem

LAST_USED_RESOLUTION = timedelta(minutes=1)  # one write per key and minute, not per request
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def find_key(text: str) -> ApiKey | None:
    """The usable key that `text` is, or None; notes that it was used."""
    key = ApiKey.objects.authenticate(text)
    at = timezone.now()
    # Looked at first: an UPDATE takes a lock even when it changes nothing.
    if key is not None and (key.last_used_at or NEVER) < at - LAST_USED_RESOLUTION:
        ApiKey.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lt=at - LAST_USED_RESOLUTION), pk=key.pk
        ).update(last_used_at=at)
    return key


class KeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        text = value.strip() if scheme.lower() == "bearer" else ""
        text = text or request.headers.get("X-Api-Key", "").strip()
        if not text:
            return None
        key = find_key(text)
        if key is None:
            raise AuthenticationFailed(
                "This API key is wrong, expired or revoked.", code="invalid_key"
            )
        wall.enter(key.workspace_id)
        if why := lifecycle.suspension(key.workspace):
            raise Problem(403, lifecycle.SUSPENDED, why)
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the base has none
    target_class = "accounts.api.authentication.KeyAuthentication"
    name = ["bearer", "apiKey"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer"},
            {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        ]
