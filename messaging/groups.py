"""Groups of an account: asked from its worker each time, shown with the names that we know.

WhatsApp is the truth about groups; nothing of them is kept but their chat with its name and timer.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import WhatsAppAccount
from events import services as event_log
from events.models import rfc3339
from sessions_mgr import commands
from sessions_mgr.engines.base import Party

from . import avatars, chats, mappings, people
from .inbox.names import tell_changed
from .models import Avatar, Chat

SUBJECT_MOST = 100  # characters, WhatsApp's limit
DESCRIPTION_MOST = 2048
PARTICIPANTS_MOST = 256  # in one order
INVITE = re.compile(
    r"(?:https?://)?chat\.whatsapp\.com/(?:invite/)?([A-Za-z0-9_-]{8,64})(?:[?#].*)?"
)
CODE = re.compile(r"[A-Za-z0-9_-]{8,64}")
DONE = 200
# What became of one person of a change, in WhatsApp's numbers.
OUTCOMES = {
    200: "",
    401: "blocked_us",
    403: "not_allowed",  # their privacy wants an invitation instead
    404: "not_on_whatsapp",
    408: "left_recently",
    409: "already_done",
    419: "group_full",
    421: "not_addressable",
}


def invite_code(text: str) -> str | None:
    """The code of an invite link, or of the code itself; None for anything else."""
    plain = text.strip()
    link = INVITE.fullmatch(plain)
    if link:
        return link[1]
    return plain if CODE.fullmatch(plain) else None


def described(account: WhatsAppAccount, group: dict[str, Any]) -> dict[str, Any]:
    """A group as the API shows it; its chat is named accordingly, its members become known."""
    return _describe(account, [group], strangers=True)[0]


def describe_all(
    account: WhatsAppAccount, groups: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """As `described`, with one look at the contacts for all of them, and none of them made."""
    return _describe(account, list(groups), strangers=False)


def _describe(
    account: WhatsAppAccount, groups: list[dict[str, Any]], *, strangers: bool
) -> list[dict[str, Any]]:
    parties = [party(member.get("party")) for g in groups for member in _members(g)]
    parties += [party(g.get("owner")) for g in groups]
    _learn_names(account, parties, strangers=strangers)
    known = people.shown_all(account, parties)
    shown = iter(known[: len(known) - len(groups)])
    owners = iter(known[len(known) - len(groups) :])
    _bring_up_to_date(account, groups)
    return [
        _described(account, g, [next(shown) for _ in _members(g)], next(owners)) for g in groups
    ]


def _learn_names(account: WhatsAppAccount, parties: list[Party], *, strangers: bool) -> None:
    with transaction.atomic():
        event_log.take_turns(pk=account.workspace_id)
        for person, changes in mappings.learn(account, parties, strangers=strangers):
            tell_changed(account, person, changes, timezone.now())


def _members(group: dict[str, Any]) -> list[dict[str, Any]]:
    return group.get("participants") or []


def party(told: dict[str, Any] | None) -> Party:
    told = told or {}
    return Party(
        jid=str(told.get("jid") or ""),
        lid=str(told.get("lid") or ""),
        phone_number=str(told.get("phone_number") or ""),
        push_name=str(told.get("push_name") or ""),
    )


def _described(
    account: WhatsAppAccount,
    group: dict[str, Any],
    members: list[dict[str, str]],
    owner: dict[str, str],
) -> dict[str, Any]:
    created = group.get("created_at")
    return {
        "jid": group["jid"],
        "subject": group.get("subject") or "",
        "description": group.get("description") or "",
        "owner": owner if owner["jid"] else None,
        "created_at": rfc3339(datetime.fromtimestamp(created, UTC)) if created else None,
        "announce": bool(group.get("announce")),
        "locked": bool(group.get("locked")),
        "approval": group.get("approval"),
        "expires_in": group.get("expires_in") or 0,
        "community": bool(group.get("community")),
        "parent_jid": group.get("parent_jid") or None,
        "avatar_url": avatars.address(account.pk, group["jid"]),
        # A worker leaves them out of very long lists: ask for the group itself.
        "participants": None
        if group.get("participants") is None
        else [
            {
                **shown,
                "admin": bool(member.get("admin")),
                "superadmin": bool(member.get("superadmin")),
            }
            for shown, member in zip(members, _members(group), strict=True)
        ],
    }


def _bring_up_to_date(account: WhatsAppAccount, groups: list[dict[str, Any]]) -> None:
    """Their chats get the name and the timer that WhatsApp has now."""
    told = {g["jid"]: g for g in groups}
    for chat in Chat.objects.filter(account=account, jid__in=told):
        group = told[chat.jid]
        chats.rename(chat, str(group.get("subject") or ""))
        if group.get("expires_in", chat.disappearing_seconds) != chat.disappearing_seconds:
            # Nobody says since when. A change that is told later is newer all the same.
            chats.set_timer(chat, group["expires_in"], chat.disappearing_at)


def outcomes(account: WhatsAppAccount, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What became of each person: {…person, ok, code, error, invite_code}."""
    persons = [party(one.get("party") or {"jid": one.get("jid")}) for one in results]
    numbers = [int(one.get("code") or DONE) for one in results]
    done = [p for p, number in zip(persons, numbers, strict=True) if number == DONE]
    _learn_names(account, done, strangers=True)
    shown = people.shown_all(account, persons)
    return [
        {
            **person,
            "ok": number == DONE,
            "code": number,
            "error": OUTCOMES.get(number, "refused") or None,
            "invite_code": one.get("invite_code") or None,
        }
        for one, number, person in zip(results, numbers, shown, strict=True)
    ]


def set_picture(account: WhatsAppAccount, jid: str, data: bytes) -> dict[str, Any]:
    """Give the group a picture, a JPEG. The worker's answer."""
    upload_id = push(account, data)
    answer = commands.order(account, "group_picture", jid=jid, upload_id=upload_id)
    Avatar.objects.filter(account=account, jid=jid).update(changed_at=datetime.now(UTC))
    return answer


def push(account: WhatsAppAccount, data: bytes) -> str:
    """Hand a file to the account's worker in pieces; its upload_id there."""
    upload_id = str(uuid.uuid4())
    commands.order(account, "upload_begin", upload_id=upload_id, size=len(data))
    for offset in range(0, len(data), commands.CHUNK_BYTES):
        piece = base64.b64encode(data[offset : offset + commands.CHUNK_BYTES]).decode()
        commands.order(account, "upload_chunk", upload_id=upload_id, offset=offset, data=piece)
    return upload_id
