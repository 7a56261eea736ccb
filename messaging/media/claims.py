"""Who fetches which file, and what became of it. Compare-and-set: any number of pipelines may run.

A claim is a lease. Whoever lost it meanwhile changes nothing, and is told so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts import quotas
from accounts.models import WhatsAppAccount
from events import services as event_log
from events import types
from sessions_mgr.states import Status as SessionStatus

from .. import chats
from ..descriptions import media as describe_media
from ..models import Media, MediaState
from . import schedule


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is in the storage under `name`, and verified."""

    name: str
    size: int
    sha256: str
    width: int | None = None
    height: int | None = None
    thumbnail: bytes = b""


class Refused(Exception):
    """This try failed. `code` is the worker's, or our own."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@transaction.atomic
def take(*, claim: str, at: datetime, room: int) -> list[Media]:
    """Up to `room` files that are due and whose number is connected; what was just said goes
    before history. Ours until the lease ends."""
    free = Q(claim="") | Q(claimed_until__lt=at)
    due = (
        Media.objects.filter(
            free,
            state=MediaState.PENDING,
            next_try_at__lte=at,
            account__deleted_at=None,
            account__session__status=SessionStatus.CONNECTED,
        )
        .exclude(locator="")  # a file of our own that the outbox brings
        .order_by("message__history", "next_try_at")
    )
    taken = []
    for file in due.select_related("account__workspace", "message").defer("thumbnail")[:room]:
        mine = Media.objects.filter(free, pk=file.pk, state=MediaState.PENDING).update(
            claim=claim, claimed_until=at + schedule.LEASE
        )
        if mine:
            taken.append(file)
    return taken


def check_room(file: Media) -> None:
    """Refused when its workspace may not keep what the sender says it is: it is not fetched."""
    with _as_refusal():
        quotas.check_room(file.account.workspace_id, file.size)


@contextmanager
def _as_refusal() -> Iterator[None]:
    try:
        yield
    except quotas.QuotaExceeded as exc:
        raise Refused(schedule.QUOTA, str(exc)) from None


@transaction.atomic
def stored(file: Media, fetched: Fetched, *, claim: str, at: datetime) -> bool:
    """The file is here. False when the claim was lost: the copy is nobody's and must be removed.

    Refused when the workspace may not keep it; nothing is written then.
    """
    changes: dict[str, Any] = {
        "state": MediaState.STORED,
        "file": fetched.name,
        "size": fetched.size,
        "sha256": fetched.sha256,
        "stored_at": at,
        "error": None,
    }
    if not (file.width and file.height) and fetched.width and fetched.height:
        changes |= {"width": fetched.width, "height": fetched.height}
    if not file.thumbnail_size and fetched.thumbnail:
        changes |= {"thumbnail": fetched.thumbnail, "thumbnail_size": len(fetched.thumbnail)}
    event_log.take_turns(pk=file.account.workspace_id)
    if not _release(file, claim, **changes):
        return False
    with _as_refusal():
        quotas.check_media(file.account.workspace, fetched.size)
    tell(file, at)
    return True


@transaction.atomic
def refused(file: Media, problem: Refused, *, claim: str, at: datetime) -> bool:
    """This try brought nothing: wait, give up, or call it gone. False when the claim was lost."""
    error = {"code": problem.code, "detail": problem.detail}
    if problem.code in schedule.TRANSPORT:
        return _release(file, claim, next_try_at=at + schedule.NO_LINE_PAUSE)
    attempts = file.attempts + 1
    if problem.code == schedule.GONE:
        return _settle(file, claim, at, state=MediaState.GONE, error=error, attempts=attempts)
    if problem.code in schedule.FINAL or attempts >= schedule.MOST_ATTEMPTS:
        return _settle(file, claim, at, state=MediaState.FAILED, error=error, attempts=attempts)
    return _release(
        file, claim, error=error, attempts=attempts, next_try_at=at + schedule.pause(attempts)
    )


def renewed(file: Media, locator: str, *, claim: str, at: datetime) -> bool:
    """The phone has brought a new copy: fetch that. False when the claim was lost."""
    return _release(
        file, claim, locator=locator, attempts=file.attempts + 1, next_try_at=at, error=None
    )


def give_back(claim: str, at: datetime) -> int:
    """What this claim holds may be taken by others at once."""
    held = Media.objects.filter(claim=claim, state=MediaState.PENDING)
    return held.update(claim="", claimed_until=None, next_try_at=at)


def _release(file: Media, claim: str, /, **changes: Any) -> bool:
    held = Media.objects.filter(pk=file.pk, claim=claim, state=MediaState.PENDING)
    return bool(held.update(claim="", claimed_until=None, **changes))


def _settle(file: Media, claim: str, at: datetime, /, **changes: Any) -> bool:
    event_log.take_turns(pk=file.account.workspace_id)
    if not _release(file, claim, **changes):
        return False
    tell(file, at)
    return True


def tell(file: Media, at: datetime) -> None:
    """The `message.media` event: what the file is now."""
    known = Media.objects.select_related("message__chat_row").defer("thumbnail", "locator")
    now = known.get(pk=file.pk)
    account = WhatsAppAccount.objects.get(pk=now.account_id)
    event_log.append(
        workspace_id=account.workspace_id,
        account_id=account.pk,
        type=types.MESSAGE_MEDIA,
        data={
            "message_id": str(now.message_id),
            "wa_id": now.message.wa_id,
            "chat": chats.describe(now.message.chat_row, now.message.chat),
            "media": describe_media(now),
        },
        occurred_at=at,
    )
