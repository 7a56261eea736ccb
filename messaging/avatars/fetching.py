"""Ask WhatsApp for one picture and write down what became of it. Never raises because of it.

Every question is claimed by compare-and-set, so that of all processes one asks, and noted with the
worker's epoch before it is asked: poison.py.
"""

from __future__ import annotations

import base64
import binascii
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import WhatsAppAccount
from sessions_mgr import commands
from sessions_mgr.models import Session

from .. import tallies
from ..models import Avatar, AvatarState
from ..models.media import media_storage
from . import images, poison
from .flights import release_connection

logger = logging.getLogger(__name__)

COMMAND_TIMEOUT = 2.0  # seconds
WORKER_EARLIER = 0.2  # seconds by which the worker gives up before us, to say so
CLAIM = timedelta(seconds=8)  # longer than a question and the storage of its answer take
UNREACHABLE = frozenset({"not_running", "not_connected", "bus_unavailable"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question. `status` is the metric's; `state` None: WhatsApp has not told."""

    status: str
    state: AvatarState | None = None
    picture_id: str = ""
    data: bytes = b""
    mime_type: str = ""
    code: str = ""
    detail: str = ""
    silent: bool = False  # the worker said nothing at all: it may have died of the question


class NotAPicture(ValueError):
    """The worker's answer holds none."""


def fetch(
    avatar: Avatar,
    account: WhatsAppAccount,
    *,
    community: bool = False,
    within: float = COMMAND_TIMEOUT,
) -> str | None:
    """Ask, for `within` seconds, and store. The outcome's status, or None when somebody else asks
    at this moment."""
    started = timezone.now()
    claim = _claim(avatar, started)
    if claim is None:
        return None
    release_connection()
    outcome = ask(account, avatar, community=community, within=within)
    now = timezone.now()
    if outcome.silent:
        outcome = _suspected(avatar, now, outcome)
    if outcome.status != "panic":  # poison.py has counted and written that one
        tallies.count(tallies.AVATAR_FETCHES, outcome.status)
        _settle(avatar, claim, outcome, now)
    _tell(avatar, outcome, community, now - started)
    return outcome.status


def _claim(avatar: Avatar, now: datetime) -> str | None:
    """None when somebody asks now, or has asked since `avatar` was read: then there is news."""
    claim = uuid.uuid4().hex
    epoch = Session.objects.values_list("epoch", flat=True).get(pk=avatar.account_id)
    won = (
        Avatar.objects.filter(Q(claim="") | Q(claimed_until__lt=now), pk=avatar.pk)
        .filter(fetched_at=avatar.fetched_at, failed_at=avatar.failed_at)
        .update(claim=claim, claimed_until=now + CLAIM, asked_epoch=epoch, asked_at=now)
    )
    if not won:
        return None
    avatar.refresh_from_db()
    return claim


def ask(account: WhatsAppAccount, avatar: Avatar, *, community: bool, within: float) -> Outcome:
    """One command to the worker, with its deadline. Every failure is an outcome."""
    args: dict[str, Any] = {
        "jid": avatar.jid,
        "known_id": avatar.picture_id if avatar.file else "",
        "timeout": within - WORKER_EARLIER,
    }
    if community:
        args["community"] = True
    try:
        return _read(commands.ask(account, "picture", args, within))
    except commands.CommandFailed as exc:
        if exc.code in UNREACHABLE:
            return Outcome("unavailable", code=exc.code, detail=exc.detail)
        status = "timeout" if exc.code == "timeout" else "error"
        silent = bool(exc.extra.get("silent"))
        return Outcome(status, code=exc.code, detail=exc.detail, silent=silent)
    except NotAPicture as exc:
        return Outcome("error", code="not_a_picture", detail=str(exc))
    except Exception as exc:
        logger.exception("a profile picture could not be read", extra={"jid": avatar.jid})
        return Outcome("error", code="internal", detail=f"{type(exc).__name__}: {exc}")


def _read(answer: dict[str, Any]) -> Outcome:
    state = answer.get("state", "")
    if state == "unchanged":
        return Outcome("unchanged", AvatarState.FOUND)
    if not answer.get("picture_id"):
        hidden = state == AvatarState.HIDDEN
        return Outcome("none", AvatarState.HIDDEN if hidden else AvatarState.NONE)
    try:
        data = base64.b64decode(answer.get("data", ""), validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise NotAPicture("what came is not base64") from None
    mime_type = images.kind_of(data)
    if not mime_type or len(data) > images.LARGEST:
        raise NotAPicture(f"{len(data)} bytes that are no picture of a known kind")
    picture_id = str(answer["picture_id"])[:120]
    return Outcome("success", AvatarState.FOUND, picture_id, data, mime_type)


def _suspected(avatar: Avatar, now: datetime, outcome: Outcome) -> Outcome:
    """The timeout, or a panic if the worker that was asked has died meanwhile."""
    if poison.judge(avatar, now):
        Avatar.objects.filter(pk=avatar.pk, claim=avatar.claim).update(claim="")
        return Outcome("panic", code="worker_died", detail=outcome.detail)
    return outcome


def _settle(avatar: Avatar, claim: str, outcome: Outcome, now: datetime) -> None:
    """Write the outcome, if the claim is still ours."""
    values: dict[str, Any] = {"claim": "", "claimed_until": None}
    if not outcome.silent:  # else the worker may yet turn out to have died of it
        values |= {"asked_at": None, "asked_epoch": None}
    if outcome.state is not None:
        values |= {
            "state": outcome.state,
            "fetched_at": now,
            "failures": 0,
            "crashes": 0,
            "failed_at": None,
            "wanted_at": None,
        }
    elif outcome.status == "unavailable" and outcome.code != "bus_unavailable":
        values |= {"wanted_at": avatar.wanted_at or now}  # at once when the number is back
    else:
        values |= {
            "failures": F("failures") + 1,
            "failed_at": now,
            "wanted_at": avatar.wanted_at or now,
        }
    if outcome.status == "success":
        values |= {"picture_id": outcome.picture_id, "mime_type": outcome.mime_type}
        _replace_file(avatar, claim, values, outcome)
        return
    if outcome.status == "none":
        values |= {"picture_id": "", "mime_type": "", "file": ""}
    written = Avatar.objects.filter(pk=avatar.pk, claim=claim).update(**values)
    if written and outcome.status == "none" and avatar.file:
        remove(avatar.file.name)


def _replace_file(avatar: Avatar, claim: str, values: dict[str, Any], outcome: Outcome) -> None:
    """Each picture is a file of its own: whoever reads the old one meanwhile reads all of it."""
    suffix = images.SUFFIXES[outcome.mime_type]
    wanted = f"avatars/{avatar.account_id}/{uuid.uuid4().hex}{suffix}"
    try:
        name = media_storage().save(wanted, ContentFile(outcome.data))
    except Exception:
        logger.exception("a profile picture could not be stored", extra={"jid": avatar.jid})
        Avatar.objects.filter(pk=avatar.pk, claim=claim).update(
            claim="",
            claimed_until=None,
            asked_at=None,
            asked_epoch=None,
            failures=F("failures") + 1,
            failed_at=timezone.now(),
        )
        return
    written = Avatar.objects.filter(pk=avatar.pk, claim=claim).update(file=name, **values)
    remove(avatar.file.name if written else name)


def remove(name: str | None) -> None:
    """Delete a picture from the storage; a storage that refuses is noted, not raised."""
    if not name:
        return
    try:
        media_storage().delete(name)
    except Exception:
        logger.exception("an old profile picture stays behind", extra={"file": name})


def _tell(avatar: Avatar, outcome: Outcome, community: bool, took: timedelta) -> None:
    if outcome.state is not None:
        return
    if outcome.code in UNREACHABLE:
        tallies.count(tallies.CONNECTION_FAILURES, "avatar")
    logger.warning(
        "a profile picture could not be fetched; going on without",
        extra={
            "account": str(avatar.account_id),
            "jid": avatar.jid,
            "is_community": community,
            "status": outcome.status,
            "code": outcome.code,
            "error": outcome.detail,
            "panic_recovered": outcome.status == "panic",
            "epoch": avatar.asked_epoch,
            "failures": avatar.failures + 1,
            "seconds": round(took.total_seconds(), 3),
            "fallback": "cache" if avatar.file else "default",
        },
    )
