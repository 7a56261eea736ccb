"""The picture to show for one JID: live, from the cache, or our own."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts import preferences
from accounts.models import WhatsAppAccount
from sessions_mgr.models import Session
from sessions_mgr.states import Status

from ..models import Avatar, AvatarState, Contact
from ..models.media import media_storage
from . import fetching, images, poison, rules
from .flights import Flights, release_connection

logger = logging.getLogger(__name__)

PATIENCE = 2.2  # seconds that a request waits, questions of others included
POLL = 0.05  # seconds between looks at a question that another process has asked
LEAST = 0.6  # seconds of it that must be left to ask WhatsApp at all
AT_ONCE = 12  # questions of this process; a worker answers 16, and others ask it too
ROOM_WITHIN = PATIENCE - fetching.COMMAND_TIMEOUT  # seconds until a question must have begun

flights = Flights(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Found:
    """What to show. `id` is WhatsApp's name of the picture; empty for one of ours."""

    account_id: UUID
    jid: str
    source: Literal["live", "cache", "default"]
    id: str = ""
    mime_type: str = ""
    file: str = ""  # in the storage; empty for one of ours
    fetched_at: datetime | None = None

    @property
    def of(self) -> Literal["person", "group"]:
        return "group" if self.jid.endswith("@g.us") else "person"


def address(account_id: object, jid: str) -> str:
    """Where the REST API shows the picture."""
    path = f"/api/v1/accounts/{account_id}/contacts/{quote(jid, safe='@')}/avatar"
    return f"{settings.PUBLIC_URL}{path}"


def canonical(account: WhatsAppAccount, jid: str) -> str:
    """The one JID under which a picture is kept: a person's phone number's, where it is known."""
    if not jid.endswith("@lid"):
        return jid
    known = Contact.objects.filter(account=account, lid=jid).values_list("jid", flat=True).first()
    return known or jid


def find(
    account: WhatsAppAccount, jid: str, *, community: bool = False, since: float | None = None
) -> Found:
    """What to show for `jid`, PATIENCE after `since` (time.monotonic(), None: now) at the latest.
    Never raises because of WhatsApp."""
    deadline = (time.monotonic() if since is None else since) + PATIENCE
    jid = canonical(account, jid)
    avatar = Avatar.objects.filter(account=account, jid=jid).first()
    before = avatar.fetched_at if avatar else None
    try:
        avatar = _renewed(account, jid, avatar, community, deadline)
    except Exception:
        logger.exception(
            "a profile picture could not be looked up; going on without",
            extra={"account": str(account.pk), "jid": jid, "is_community": community},
        )
    if avatar is None or not avatar.file:
        return Found(account.pk, jid, "default", fetched_at=avatar.fetched_at if avatar else None)
    fresh = avatar.fetched_at is not None and avatar.fetched_at != before
    return Found(
        account.pk,
        jid,
        "live" if fresh else "cache",
        avatar.picture_id,
        avatar.mime_type,
        avatar.file.name or "",
        avatar.fetched_at,
    )


def _renewed(
    account: WhatsAppAccount, jid: str, avatar: Avatar | None, community: bool, deadline: float
) -> Avatar | None:
    """The row after what can be done about it now."""
    now = timezone.now()
    if not preferences.of(account.workspace_id).fetch_avatars:
        return avatar
    if avatar is not None and avatar.asked_at is not None and poison.judge(avatar, now):
        avatar.refresh_from_db()
    step = rules.next_step(facts_of(avatar), now)
    if step == rules.Step.KEEP:
        return avatar
    if step == rules.Step.LATER or not _connected(account):
        return _want(account, jid, avatar, now)
    if avatar is None:
        avatar, _ = Avatar.objects.get_or_create(account=account, jid=jid)
    if not _ask_once(account, avatar, community, deadline):
        return _want(account, jid, avatar, now)
    avatar.refresh_from_db()
    return avatar


def facts_of(avatar: Avatar | None) -> rules.Known:
    if avatar is None:
        return rules.Known()
    return rules.Known(
        found=avatar.state == AvatarState.FOUND,
        fetched_at=avatar.fetched_at,
        changed_at=avatar.changed_at,
        failed_at=avatar.failed_at,
        failures=avatar.failures,
        poisoned_until=avatar.poisoned_until,
    )


def _connected(account: WhatsAppAccount) -> bool:
    return Session.objects.filter(pk=account.pk, status=Status.CONNECTED).exists()


def _want(
    account: WhatsAppAccount, jid: str, avatar: Avatar | None, now: datetime
) -> Avatar | None:
    """Have the pipeline fetch it once it can. Asked for, so it is not a prefetch."""
    if avatar is None:
        avatar, _ = Avatar.objects.get_or_create(
            account=account, jid=jid, defaults={"wanted_at": now}
        )
    else:
        Avatar.objects.filter(pk=avatar.pk, wanted_at=None).update(wanted_at=now)
    return avatar


def _ask_once(account: WhatsAppAccount, avatar: Avatar, community: bool, deadline: float) -> bool:
    """One question for everybody who wants this picture now, in this process and elsewhere. False:
    too many others are asked for, or it is too late to ask."""
    in_time = True

    def ask() -> None:
        nonlocal in_time
        left = deadline - time.monotonic()
        in_time = left >= LEAST
        if not in_time:
            return
        within = min(left, fetching.COMMAND_TIMEOUT)
        if fetching.fetch(avatar, account, community=community, within=within) is None:
            _await_other_process(avatar, deadline)

    left = deadline - time.monotonic()
    room_within = max(0.0, min(ROOM_WITHIN, left - LEAST))
    return flights.share((account.pk, avatar.jid), ask, left, room_within=room_within) and in_time


def _await_other_process(avatar: Avatar, deadline: float) -> None:
    while time.monotonic() < deadline:
        release_connection()
        time.sleep(POLL)
        if Avatar.objects.filter(pk=avatar.pk, claim="").exists():
            return


def read(found: Found, *, default_type: str = "image/png") -> tuple[bytes, str]:
    """(bytes, media type) of what was found; our own picture when the storage does not give it."""
    if found.file:
        data = _stored(found.file) or _stored(_file_now(found))
        if kind := images.kind_of(data):
            return data, kind
    return images.default(found.of, default_type), default_type


def _file_now(found: Found) -> str:
    """The file may have been replaced since we looked."""
    now = Avatar.objects.filter(account_id=found.account_id, jid=found.jid)
    return now.exclude(file=found.file).values_list("file", flat=True).first() or ""


def _stored(name: str) -> bytes:
    if not name:
        return b""
    try:
        with media_storage().open(name) as file:
            data: bytes = file.read()
    except FileNotFoundError:
        return b""
    except Exception:
        logger.exception("a stored profile picture cannot be read", extra={"file": name})
        return b""
    return data
