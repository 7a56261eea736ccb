"""What workers tell about pictures without being asked. Runs inside ingest's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import WhatsAppAccount
from sessions_mgr.engines import base

from ..models import Avatar
from . import poison
from .lookups import canonical

LATE = timedelta(minutes=1)  # a picture seen this long after a change is surely the new one


def picture_changed(*, account: WhatsAppAccount, fact: base.PictureChanged, at: datetime) -> None:
    """Whoever asks next gets the new picture. Nothing is fetched for those that nobody asked for.

    WhatsApp tells the time in whole seconds, so what we saw shortly after it may be the old one.
    """
    names = {fact.chat.jid, fact.chat.lid, canonical(account, fact.chat.jid)} - {""}
    changed = Avatar.objects.filter(account=account, jid__in=names)
    if fact.picture_id:
        changed = changed.exclude(picture_id=fact.picture_id)
    seen_since = Q(fetched_at__gt=at + LATE)
    changed.exclude(seen_since).update(changed_at=timezone.now())


def engine_crashed(*, account: WhatsAppAccount, fact: base.EngineCrashed, at: datetime) -> None:
    """A life of the worker ended in the middle of something; if that was a picture, leave it."""
    if fact.op != "picture" or not fact.subject:
        return
    jid = canonical(account, fact.subject)
    poison.engine_crashed(account=account, jid=jid, detail="told by the next life", now=at)
