"""One-time tickets that open a websocket: kept as a hash, used once, short-lived."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.utils import timezone

from .models import Ticket, Workspace

LIFETIME = timedelta(seconds=60)


def issue(workspace: Workspace) -> tuple[str, datetime]:
    """The ticket's text and when it expires."""
    Ticket.objects.filter(expires_at__lt=timezone.now() - LIFETIME).delete()
    text = secrets.token_urlsafe(32)
    expires_at = timezone.now() + LIFETIME
    Ticket.objects.create(digest=_digest(text), workspace=workspace, expires_at=expires_at)
    return text, expires_at


def redeem(text: str) -> Workspace | None:
    """The workspace that the ticket opens, once; None when it is unknown, used or expired."""
    ticket = Ticket.objects.select_related("workspace").filter(digest=_digest(text)).first()
    if ticket is None or not Ticket.objects.filter(pk=ticket.pk).delete()[0]:
        return None
    return ticket.workspace if ticket.expires_at > timezone.now() else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
