"""The messages of a thread as the page draws them: with days, authors, states and what one may do.

Reads what descriptions.py does not tell (changes that still wait); writes nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.models import WhatsAppAccount
from messaging.descriptions import describe_all
from messaging.models import Chat, Direction, Message
from messaging.outbox.orders import EDIT_WINDOW, REVOKE_WINDOW
from messaging.outbox.requests import OPERATIONS
from messaging.statuses import Status

from .actors import Actors
from .message_words import STEPS, Step, advice, kind, told, who

BODIES = {
    "image": "picture",
    "sticker": "picture",
    "video": "video",
    "audio": "audio",
    "voice": "audio",
    "document": "document",
    "location": "location",
    "live_location": "location",
    "contact": "contact",
    "poll": "poll",
    "view_once": "view_once",
    "group_invite": "group_invite",
    "undecryptable": "undecryptable",
    "unsupported": "unsupported",
}
EMOJI = ("👍", "❤️", "😂", "😮", "😢", "🙏")
NOT_SENT = frozenset({Status.QUEUED, Status.FAILED, Status.CANCELLED})
UNSETTLED = (Status.QUEUED, Status.SENDING, Status.FAILED, Status.UNKNOWN)
WAVE_HEIGHT = 24  # units


@dataclass(slots=True)
class Change:
    """A reaction, edit or deletion of ours that is on its way, or did not get there."""

    type: str
    step: Step
    failed: bool
    detail: str


@dataclass(slots=True)
class Bubble:
    """One message. `version` changes when anything that is drawn changes."""

    message: Message
    doc: dict[str, Any]
    body: str
    mine: bool
    author: str = ""  # named in groups, at the start of a run
    by: str = ""  # whose doing it is that we sent it
    day: datetime | None = None  # the first of its day
    step: Step | None = None
    advice: str = ""
    quoted: dict[str, str] | None = None
    reactions: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    can: frozenset[str] = frozenset()
    words: str = ""
    wave: str = ""
    options: list[dict[str, Any]] = field(default_factory=list)
    version: str = ""


def bubbles(
    account: WhatsAppAccount,
    chat: Chat,
    messages: Sequence[Message],
    *,
    may_write: bool,
) -> list[Bubble]:
    """What the page draws for these messages of one chat, oldest first."""
    now = timezone.now()
    waiting = _changes(account, messages)
    actors = Actors(account.workspace, {message.sent_by for message in messages})
    made: list[Bubble] = []
    before: Bubble | None = None
    for message, doc in zip(messages, describe_all(messages), strict=True):
        bubble = _bubble(chat, message, doc)
        bubble.by = actors.name(message.sent_by) if message.sent_by else ""
        bubble.changes = waiting.get(message.pk, [])
        bubble.can = _allowed(message, chat, now) if may_write else frozenset()
        _place(bubble, before, group=chat.type == "group")
        bubble.version = _version(bubble)
        made.append(bubble)
        before = bubble
    return made


def _bubble(chat: Chat, message: Message, doc: dict[str, Any]) -> Bubble:
    mine = message.direction == Direction.OUT
    return Bubble(
        message=message,
        doc=doc,
        body=f"console/conversations/bodies/{BODIES.get(message.type, 'text')}.html",
        mine=mine,
        step=STEPS.get(message.status) if mine else None,
        advice=advice(message.error) if message.status == Status.FAILED else "",
        quoted=_quoted(doc.get("quoted"), chat),
        reactions=_reactions(doc["reactions"]),
        words=told(doc),
        wave=waveform((doc.get("media") or {}).get("waveform") or ""),
        options=_options(doc.get("poll")),
    )


def name_of(message: Message) -> str:
    """Who wrote it, by the best name that we have now."""
    known = message.sender_contact.name if message.sender_contact else ""
    return known or who(message.sender)


def _place(bubble: Bubble, before: Bubble | None, *, group: bool) -> None:
    """Its day and author, where the message before does not already say them."""
    at = timezone.localtime(bubble.message.timestamp)
    if before is None or timezone.localtime(before.message.timestamp).date() != at.date():
        bubble.day = at
    if not group or bubble.mine:
        return
    name = name_of(bubble.message)
    again = before is not None and not before.mine and not bubble.day
    if not again or before is None or name_of(before.message) != name:
        bubble.author = name


def _quoted(quote: Mapping[str, Any] | None, chat: Chat) -> dict[str, str] | None:
    if not quote:
        return None
    text = str(quote.get("text") or "")[:200]
    return {
        "id": str(quote.get("message_id") or ""),
        "who": who(quote.get("sender")) if chat.type == "group" else "",
        "text": text or kind(str(quote.get("type") or "")),
    }


def _reactions(reactions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each emoji once, with its people."""
    people: dict[str, list[str]] = defaultdict(list)
    for reaction in reactions:
        people[str(reaction["emoji"])].append(who(reaction["sender"]))
    return [
        {"emoji": emoji, "count": len(names), "who": ", ".join(names)}
        for emoji, names in people.items()
    ]


def _options(poll: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Width is in percent of those who voted."""
    if not poll:
        return []
    most = max(int(poll.get("voters") or 0), 1)
    return [
        {**option, "width": min(100, round(100 * option["votes"] / most))}
        for option in poll["options"]
    ]


def waveform(text: str) -> str:
    """The path of a voice note's 64 strokes in a box of 128 x 24; empty where there is none."""
    try:
        heights = base64.b64decode(text, validate=True) if text else b""
    except (binascii.Error, ValueError):
        return ""
    strokes = []
    for place, height in enumerate(heights[:64]):
        length = max(2.0, min(height, 100) / 100 * WAVE_HEIGHT)
        strokes.append(f"M{place * 2 + 1} {(WAVE_HEIGHT - length) / 2:.1f}v{length:.1f}")
    return "".join(strokes)


def _allowed(message: Message, chat: Chat, now: datetime) -> frozenset[str]:
    """What an operator may do with it. The outbox decides again when it is asked."""
    if message.status == Status.QUEUED:
        return frozenset({"cancel"})
    if message.status == Status.FAILED:
        return frozenset({"resend"}) if message.type == "text" else frozenset()
    if message.revoked_at or not message.wa_id or message.status in NOT_SENT:
        return frozenset()
    if chat.type not in ("user", "group"):
        return frozenset()
    allowed = {"reply", "react"}
    mine, age = message.direction == Direction.OUT, now - message.timestamp
    if mine and age <= EDIT_WINDOW and (message.type == "text" or message.text):
        allowed.add("edit")
    if age <= REVOKE_WINDOW and mine:
        allowed.add("revoke")
    return frozenset(allowed)


def _changes(account: WhatsAppAccount, messages: Sequence[Message]) -> dict[UUID, list[Change]]:
    """Operations on these messages that are not done. They are younger than what they change."""
    found: dict[UUID, list[Change]] = defaultdict(list)
    if not messages:
        return found
    ids = {str(message.pk) for message in messages}
    rows = Message.objects.filter(
        account=account,
        direction=Direction.OUT,
        type__in=OPERATIONS,
        status__in=UNSETTLED,
        timestamp__gte=min(message.timestamp for message in messages),
    ).order_by("timestamp")
    for row in rows:
        target = row.content.get("target") or {}
        if target.get("message_id") in ids:
            found[UUID(target["message_id"])].append(
                Change(
                    row.type,
                    STEPS[row.status],
                    row.status == Status.FAILED,
                    advice(row.error) or str((row.error or {}).get("detail") or ""),
                )
            )
    return found


def _version(bubble: Bubble) -> str:
    drawn = [
        bubble.doc,
        sorted(bubble.can),
        bubble.author,
        bubble.by,
        str(bubble.day or ""),
        [(c.type, str(c.step.words), c.detail) for c in bubble.changes],
    ]
    told = json.dumps(drawn, sort_keys=True, default=str).encode()
    return hashlib.sha256(told).hexdigest()[:16]
