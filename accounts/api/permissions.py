"""What a key may do. A view names its scopes: `scopes = {"GET": "read", "POST": "manage"}`."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ..models import ApiKey, Scope
from .problems import Problem

DEFAULT_SCOPES = {
    "GET": Scope.READ,
    "HEAD": Scope.READ,
    "OPTIONS": Scope.READ,
    "POST": Scope.MANAGE,
    "PATCH": Scope.MANAGE,
    "PUT": Scope.MANAGE,
    "DELETE": Scope.MANAGE,
}


class HasScope(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        key = request.auth
        if not isinstance(key, ApiKey):
            raise NotAuthenticated(
                "Send an API key as 'Authorization: Bearer <key>' or 'X-Api-Key: <key>'.",
                code="no_key",
            )
        needed = {**DEFAULT_SCOPES, **getattr(view, "scopes", {})}.get(request.method or "")
        if needed is None or key.allows(needed):
            return True
        raise Problem(403, "missing_scope", f"This key lacks the scope '{needed}'.")
