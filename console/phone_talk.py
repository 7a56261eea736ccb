"""What a virtual phone has received and sent, and what it can be made to send.

The inbox is the sandbox's; what the phone itself sent is known by our side, where it arrived.
Every refusal is a SandboxError with a sentence for the page.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from accounts.models import Workspace
from messaging.descriptions import describe_all
from messaging.models import Message
from messaging.outbox import sniffing
from sessions_mgr import sandbox_gateway as gateway
from sessions_mgr.sandbox_gateway import SandboxError

from .message_words import doing, told
from .virtual_phones import checked

SHOWN = 60
FILE_MOST = 16 * 1_048_576  # bytes
DOINGS = frozenset({"reaction", "edit", "revoke", "vote", "poll_vote", "timer"})
OPTIONS = re.compile(r"[\r\n]+")


@dataclass(frozen=True, slots=True)
class Group:
    jid: str
    subject: str
    size: int


@dataclass(slots=True)
class Entry:
    """One line of the phone's screen. `media` is {entry or id, mime_type, filename, state}."""

    wa_id: str
    mine: bool
    who: str
    type: str
    text: str
    at: datetime
    words: str = ""
    where: str = ""  # a group's subject
    group: str = ""
    other: str = ""  # with whom, a number
    media: dict[str, Any] | None = None
    quoted: str = ""
    poll: dict[str, Any] | None = None
    doing: str = ""  # what it did to another message, in words
    gone: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


def groups(number: str) -> list[Group]:
    found = gateway.call("GET", f"/phones/{checked(number)}/groups")["results"]
    return [Group(one["jid"], one["subject"], len(one["participants"])) for one in found]


def entries(number: str, workspace: Workspace, known: list[Group]) -> list[Entry]:
    """The last ones, oldest first."""
    subjects = {group.jid: group.subject for group in known}
    raws = gateway.inbox(checked(number), order="newest", limit=str(SHOWN))
    received = [_received(raw, subjects) for raw in raws]
    both = [*received, *_sent(number, workspace, subjects)]
    gone = {raw["revoke"]["message_id"] for raw in raws if raw.get("revoke")}
    for entry in both:
        entry.gone = entry.gone or entry.wa_id in gone
    return sorted(both, key=lambda entry: entry.at)[-SHOWN:]


def _received(raw: Mapping[str, Any], subjects: Mapping[str, str]) -> Entry:
    mine, group = bool(raw.get("from_me")), str(raw.get("group") or "")
    media = raw.get("media")
    entry = Entry(
        wa_id=raw["wa_id"],
        mine=mine,
        who=raw["from"],
        type=raw["type"],
        text=raw.get("text") or "",
        at=datetime.fromtimestamp(raw["timestamp"], UTC),
        where=subjects.get(group, group),
        group=group,
        other=raw["to"] if mine else raw["from"],
        quoted=(raw.get("quoted") or {}).get("text") or "",
        media={**media, "entry": raw["id"]} if media else None,
        poll=raw.get("poll"),
        extra={name: raw.get(name) for name in ("location", "contacts") if raw.get(name)},
    )
    entry.words = told({"type": entry.type, "text": entry.text})
    entry.doing = doing(raw)
    return entry


def _sent(number: str, workspace: Workspace, subjects: Mapping[str, str]) -> list[Entry]:
    """What this phone sent to numbers of this workspace, once each."""
    rows = (
        Message.objects.filter(account__in=workspace.accounts.present())
        .whole()
        .filter(direction="in", sender_contact__phone_number=number)
        .newest_first()[:SHOWN]
    )
    messages = {str(row.wa_id): row for row in rows}
    docs = describe_all(messages.values())
    return [_own(row, doc, subjects) for row, doc in zip(messages.values(), docs, strict=True)]


def _own(row: Message, doc: dict[str, Any], subjects: Mapping[str, str]) -> Entry:
    jid = doc["chat"]["jid"]
    group = jid if doc["chat"]["type"] == "group" else ""
    return Entry(
        wa_id=str(row.wa_id),
        mine=True,
        who="",
        type=row.type,
        text=row.text,
        at=row.timestamp,
        words=told(doc),
        where=subjects.get(group, group),
        group=group,
        other=row.account.phone_number or "" if not group else "",
        media={**doc["media"], "id": doc["media"]["id"]} if doc["media"] else None,
        quoted=(doc["quoted"] or {}).get("text") or "",
        poll=doc["poll"],
        gone=row.revoked_at is not None,
        extra={name: doc[name] for name in ("location", "contacts") if doc.get(name)},
    )


# What a phone can be made to send ------------------------------------------------------------


def send(number: str, posted: Mapping[str, str], file: UploadedFile[Any] | None) -> None:
    """What the form asks for; `kind` says which of its parts."""
    body = _to(posted.get("to", "")) | _draft(posted, file)
    if posted.get("reply_to"):
        body["reply_to"] = posted["reply_to"]
    gateway.send(checked(number), body)


def act(number: str, verb: str, posted: Mapping[str, str], options: list[str]) -> None:
    """Something about one message: react, edit, revoke, vote, read."""
    wa_id = posted.get("wa_id", "")[:100]
    parts: dict[str, dict[str, Any]] = {
        "react": {"type": "reaction", "reaction": {"emoji": posted.get("emoji", "")}},
        "edit": {"type": "edit", "edit": {"text": posted.get("text", "")}},
        "revoke": {"type": "revoke", "revoke": {}},
        "vote": {"type": "vote", "vote": {"options": options}},
    }
    if verb == "read":
        gateway.read(checked(number), wa_id, played=False)
        return
    if verb not in parts:
        raise SandboxError(422, "invalid", _("A virtual phone cannot do this."))
    body = parts[verb]
    body[body["type"]]["message_id"] = wa_id
    gateway.send(checked(number), _to(posted.get("to", "")) | body)


def type_to(number: str, to: str) -> None:
    """“typing …” at the other side."""
    state = {"state": "composing", "to": to}
    gateway.call("POST", f"/phones/{checked(number)}/presence", state)


def make_group(number: str, subject: str, people: list[str]) -> None:
    body = {"owner": checked(number), "subject": subject, "participants": people}
    gateway.call("POST", "/groups", body)


def file_of(number: str, entry: str) -> gateway.File:
    """The decrypted file of an inbox entry."""
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,60}", entry):
        raise SandboxError(404, "unknown_message", _("There is no such message."))
    return gateway.inbox_media(checked(number), entry)


def _to(text: str) -> dict[str, Any]:
    return {"group": text} if text.endswith("@g.us") else {"to": text}


def _draft(posted: Mapping[str, str], file: UploadedFile[Any] | None) -> dict[str, Any]:
    text = posted.get("text", "").replace("\r\n", "\n")
    match posted.get("kind"):
        case "location":
            place = {name: _number(posted.get(name, "")) for name in ("latitude", "longitude")}
            named = {"name": posted.get("place", "")} if posted.get("place") else {}
            return {"type": "location", "location": place | named}
        case "contact":
            card = {"name": posted.get("name", ""), "phone_number": posted.get("number", "")}
            return {"type": "contact", "contacts": [card]}
        case "poll":
            options = [o.strip() for o in OPTIONS.split(posted.get("options", "")) if o.strip()]
            several = 0 if posted.get("several") else 1
            name = posted.get("question", "")
            return {
                "type": "poll",
                "poll": {"name": name, "options": options, "selectable": several},
            }
    return _file(file, posted.get("send_as", ""), text) if file else {"type": "text", "text": text}


def _file(file: UploadedFile[Any], send_as: str, text: str) -> dict[str, Any]:
    if not file.size or file.size > FILE_MOST:
        raise SandboxError(422, "invalid", _("Choose a file of 1 byte to 16 MB."))
    data = file.read()
    mime_type = sniffing.sniff(data[: sniffing.HEAD])
    kind = send_as if send_as in ("voice", "sticker", "document") else _kind(mime_type)
    media = {"base64": base64.b64encode(data).decode(), "mime_type": mime_type}
    body: dict[str, Any] = {"type": kind, "media": media | {"filename": file.name or "file"}}
    if text and kind in ("image", "video", "document"):
        body["caption"] = text
    return body


def _kind(mime_type: str) -> str:
    for kinds, kind in (
        (sniffing.IMAGES, "image"),
        (sniffing.VIDEOS, "video"),
        (sniffing.AUDIO, "audio"),
    ):
        if mime_type in kinds:
            return kind
    return "document"


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise SandboxError(422, "invalid", _("Type latitude and longitude as numbers.")) from None
