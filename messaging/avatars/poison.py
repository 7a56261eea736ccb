"""Pictures that killed their worker are left alone, each time for longer.

Two witnesses: the worker's next life says which question was open when it died (EngineCrashed), and
every question is written down before it is asked, so that a crash right after it is recognised
even when nobody is left who could tell.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import F, Q

from accounts.models import WhatsAppAccount
from sessions_mgr.models import WorkerExit

from .. import tallies
from ..models import Avatar
from . import rules

logger = logging.getLogger(__name__)

CLOCKS_DIFFER = timedelta(seconds=2)  # between the node that writes the exit and ourselves


def poison(avatar: Avatar, *, now: datetime, detail: str) -> bool:
    """Nobody asks for it for hours. False when that is so already: one crash is told twice."""
    crashes = avatar.crashes + 1
    until = now + rules.poison_after(crashes)
    poisoned = (
        Avatar.objects.filter(pk=avatar.pk, crashes=avatar.crashes)
        .filter(Q(poisoned_until=None) | Q(poisoned_until__lte=now))
        .update(
            crashes=F("crashes") + 1,
            poisoned_until=until,
            failures=F("failures") + 1,
            failed_at=now,
            wanted_at=None,
            **_SETTLED,
        )
    )
    if not poisoned:
        Avatar.objects.filter(pk=avatar.pk).update(**_SETTLED)
        return False
    tallies.count(tallies.AVATAR_PANICS)
    tallies.count(tallies.AVATAR_FETCHES, "panic")
    logger.error(
        "a worker died while it fetched a profile picture; nobody asks for it until then",
        extra={
            "account": str(avatar.account_id),
            "jid": avatar.jid,
            "epoch": avatar.asked_epoch,
            "crashes": crashes,
            "until": until.isoformat(),
            "panic": detail,
            "fallback": "cache" if avatar.file else "default",
        },
    )
    return True


_SETTLED = {"asked_at": None, "asked_epoch": None}


def judge(avatar: Avatar, now: datetime) -> bool:
    """Whether a question without an answer killed its worker; if so, it is poisoned now."""
    if avatar.asked_at is None or avatar.asked_epoch is None:
        return False
    crash = (
        WorkerExit.objects.filter(
            Q(cause__startswith="SIG") | Q(cause__startswith="code ") | Q(cause__in=_CRASHES),
            account_id=avatar.account_id,
            epoch=avatar.asked_epoch,
            at__gte=avatar.asked_at - CLOCKS_DIFFER,
            at__lte=avatar.asked_at + rules.SUSPECT,
        )
        .order_by("at")
        .first()
    )
    if crash is not None:
        poison(avatar, now=now, detail=f"{crash.cause}: {crash.detail}"[:400])
        return True
    if now > avatar.asked_at + rules.SUSPECT + CLOCKS_DIFFER:
        Avatar.objects.filter(pk=avatar.pk, asked_at=avatar.asked_at).update(**_SETTLED)
    return False


_CRASHES = ("hung", "internal")


def engine_crashed(*, account: WhatsAppAccount, jid: str, detail: str, now: datetime) -> None:
    """A worker's life ended while it fetched the picture of `jid`."""
    avatar, _ = Avatar.objects.get_or_create(account=account, jid=jid)
    poison(avatar, now=now, detail=detail)


def judge_all(now: datetime) -> int:
    """Look at all questions that were never answered. How many killed their worker."""
    return sum(judge(avatar, now) for avatar in Avatar.objects.unsettled(now)[:200])
