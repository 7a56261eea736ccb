"""One-time tickets that open a feed: kept as a hash, used once, short-lived.

A ticket remembers by whose right it was given, so that the feed ends when that right does.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.utils import timezone

from .models import ApiKey, Ticket, User, Workspace

LIFETIME = timedelta(seconds=60)


def issue(
    workspace: Workspace, *, key: ApiKey | None = None, user: User | None = None, login: str = ""
) -> tuple[str, datetime]:
    """The ticket's text and when it expires. `key`, or `user` with the `login` session, asked."""
    Ticket.objects.filter(expires_at__lt=timezone.now() - LIFETIME).delete()
    text = secrets.token_urlsafe(32)
    expires_at = timezone.now() + LIFETIME
    Ticket.objects.create(
        digest=_digest(text),
        workspace=workspace,
        key=key,
        user=user,
        login=login,
        expires_at=expires_at,
    )
    return text, expires_at


def redeem(text: str) -> Ticket | None:
    """The ticket, once; None when it is unknown, used or expired."""
    ticket = Ticket.objects.select_related("workspace", "key").filter(digest=_digest(text)).first()
    if ticket is None or not Ticket.objects.filter(pk=ticket.pk).delete()[0]:
        return None
    return ticket if ticket.expires_at > timezone.now() else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
