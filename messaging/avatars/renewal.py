"""Fetch again, in the background, what somebody has asked for and got an old or no picture of."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from sessions_mgr.states import Status

from ..models import Avatar
from . import fetching, rules
from .lookups import facts_of

GIVE_UP = timedelta(hours=1)  # after it was asked for; the next one who asks starts anew
LOOKED_AT = 200  # rows per turn


def wanted() -> QuerySet[Avatar]:
    """Asked for, of numbers that can ask, in workspaces that want pictures (preferences.py)."""
    asked = Avatar.objects.filter(
        wanted_at__isnull=False,
        account__deleted_at=None,
        account__session__status=Status.CONNECTED,
    )
    return asked.exclude(account__workspace__settings__fetch_avatars=False)


def due(now: datetime, limit: int) -> list[Avatar]:
    """Up to `limit` pictures to ask for now, who waits longest first, one per account."""
    too_old = Avatar.objects.filter(wanted_at__lt=now - GIVE_UP)
    if too_old.exists():
        too_old.update(wanted_at=None)
    chosen: dict[object, Avatar] = {}
    for avatar in wanted().select_related("account").order_by("wanted_at")[:LOOKED_AT]:
        if len(chosen) >= limit:
            break
        if avatar.account_id in chosen:
            continue
        if rules.next_step(facts_of(avatar), now) == rules.Step.KEEP:
            continue
        chosen[avatar.account_id] = avatar
    return list(chosen.values())


def renew(avatar: Avatar) -> str | None:
    """The status of the question; None when somebody else asks at this moment."""
    return fetching.fetch(avatar, avatar.account)


def forget_deleted() -> int:
    """Remove the pictures of accounts that were deleted. How many."""
    gone = list(Avatar.objects.exclude(account__deleted_at=None)[:LOOKED_AT])
    for avatar in gone:
        if avatar.file:
            fetching.remove(avatar.file.name)
        avatar.delete()
    return len(gone)
