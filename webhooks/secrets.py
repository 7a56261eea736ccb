"""Sealing of what endpoints must keep secret: signing secrets and custom headers. See seals.py."""

from __future__ import annotations

from accounts.seals import WEBHOOKS, Unreadable

__all__ = ["Unreadable", "seal", "unseal"]

seal = WEBHOOKS.seal
unseal = WEBHOOKS.unseal
