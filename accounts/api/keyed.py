"""What every view shares that a key opens: which key it is, and how the audit log names it."""

from __future__ import annotations

from typing import Any

from .. import audit
from ..models import ApiKey


class Keyed:
    """A mixin for DRF views. KeyAuthentication and HasScope have run before any of it is read."""

    request: Any

    @property
    def key(self) -> ApiKey:
        assert isinstance(self.request.auth, ApiKey)
        return self.request.auth

    @property
    def actor(self) -> str:
        return audit.program(self.key)
