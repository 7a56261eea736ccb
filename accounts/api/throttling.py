"""One rate limit per API key (API_RATE). The answer is 429 with Retry-After."""

from __future__ import annotations

from typing import Any

from django.core.cache import caches
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from .. import quotas
from ..models import ApiKey


class KeyRateThrottle(SimpleRateThrottle):
    scope = "key"
    cache = caches["process"]

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        key = request.auth
        return f"throttle-key-{key.public_id}" if isinstance(key, ApiKey) else None


class WorkspaceQuota(BaseThrottle):
    """The workspace's own limit over all its keys. quotas.QuotaExceeded says which and how much."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, ApiKey):
            quotas.check_rate(request.auth.workspace)
        return True
