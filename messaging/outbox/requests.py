"""What an app may ask us to send. Pure: a decoded JSON body in, a checked order out.

`parse` is the whole contract of POST /accounts/{id}/messages. It looks nothing up: whether a
message, chat or upload exists is decided by whoever puts the order into the queue.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from egress.addresses import MAX_URL

from . import recipients
from .fields import Body, Invalid, mapping, number, only, sequence, text, whole

TEXT_MOST = 65_536  # characters
CAPTION_MOST = 1_024
NAME_MOST = 255
MENTIONS_MOST = 1_024  # as many as a group has members
OPTIONS_LEAST, OPTIONS_MOST, OPTION_LENGTH = 2, 12, 100
CONTACTS_MOST = 20
EMOJI_MOST = 40  # code points: families and flags are long
EXPIRES_LEAST, EXPIRES_MOST, EXPIRES_DEFAULT = 5, 604_800, 86_400  # seconds
INLINE_MOST = 16 * 1_048_576  # bytes of a base64 file; larger ones are uploaded
KEY_MOST = 200

FILES = ("image", "video", "audio", "voice", "document", "sticker")
COMMON = ("to", "type", "expires_in")
SAYING = (*COMMON, "reply_to", "mentions")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file comes from: exactly one of them."""

    url: str = ""
    upload_id: str = ""
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """A message as asked for. `content` is JSON and complete but for what must be looked up:
    `target` and `reply_to` are ids of ours or of WhatsApp."""

    to: str  # a jid, or "chat:<id>"; empty for an operation: where its message is
    type: str
    text: str = ""
    content: dict[str, Any] = field(default_factory=dict)
    source: Source | None = None
    filename: str = ""  # as the app wrote it; cleaned when the file's type is known
    reply_to: str = ""
    target: str = ""
    expires_in: int = EXPIRES_DEFAULT

    def fingerprint(self) -> str:
        """The same for the same order, however it was written; a file counts by its bytes."""
        source = self.source
        known = [
            self.to,
            self.type,
            self.text,
            self.content,
            self.filename,
            self.reply_to,
            self.target,
            self.expires_in,
            source and [source.url, source.upload_id, hashlib.sha256(source.data).hexdigest()],
        ]
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def parse(body: Any) -> Order:
    """The order that `body` is. Invalid names the field that is wrong and the remedy."""
    body = mapping(body, "")
    kind = body.get("type")
    if kind is None:
        raise Invalid("type", f"it is missing; use one of {', '.join(TYPES)}")
    if not isinstance(kind, str) or kind not in TYPES:
        raise Invalid("type", f"use one of {', '.join(TYPES)}")
    fields, build = TYPES[kind]
    only(body, fields, "", what=f"a message of type {kind}")
    to = "" if kind in OPERATIONS and body.get("to") is None else _to(body)
    order = build(body, Order(to=to, type=kind))
    return replace(
        order,
        reply_to=_reference(body, "reply_to") if "reply_to" in body else "",
        expires_in=whole(
            body, "expires_in", least=EXPIRES_LEAST, most=EXPIRES_MOST, default=EXPIRES_DEFAULT
        ),
        content=order.content | _mentions(body),
    )


def _to(body: Body) -> str:
    written = text(body, "to", most=100)
    if match := re.fullmatch(r"chat:([0-9]{1,18})", written.strip()):
        return f"chat:{int(match[1])}"
    try:
        return recipients.parse(written).jid
    except recipients.NoRecipient as exc:
        raise Invalid("to", str(exc), code="invalid_recipient") from None


def _reference(body: Body, name: str) -> str:
    """The id of a message, ours or WhatsApp's."""
    return text(body, name, most=120).strip()


def _mentions(body: Body) -> dict[str, Any]:
    found: list[str] = []
    for n, entry in enumerate(
        sequence(body, "mentions", least=0, most=MENTIONS_MOST, what="people")
    ):
        where = f"mentions[{n}]"
        if not isinstance(entry, str):
            raise Invalid(where, "use a phone number or the JID of a person")
        try:
            person = recipients.parse(entry[:100])
        except recipients.NoRecipient as exc:
            raise Invalid(where, str(exc)) from None
        if person.type != "user":
            raise Invalid(where, "only people can be mentioned, not groups")
        found.append(person.jid)
    return {"mentions": list(dict.fromkeys(found))} if found else {}


# One function per type ---------------------------------------------------------------------------


def _text(body: Body, order: Order) -> Order:
    return replace(order, text=text(body, "text", most=TEXT_MOST))


def _file(body: Body, order: Order) -> Order:
    media = mapping(body.get("media"), "media")
    only(media, ("url", "base64", "upload_id"), "media", what="a file")
    given = [name for name in ("url", "base64", "upload_id") if media.get(name) is not None]
    if len(given) != 1:
        raise Invalid("media", "use exactly one of url, base64 and upload_id")
    wanted = text(body, "filename", most=300, empty=True)
    caption = text(body, "caption", most=CAPTION_MOST, empty=True)
    return replace(
        order,
        source=_source(media, given[0]),
        filename=wanted,
        text=caption,
    )


def _source(media: Body, name: str) -> Source:
    if name == "url":
        return Source(url=text(media, "url", most=MAX_URL, prefix="media."))
    if name == "upload_id":
        written = text(media, "upload_id", most=100, prefix="media.")
        try:
            return Source(upload_id=str(UUID(written)))
        except ValueError:
            raise Invalid("media.upload_id", "use the id that POST /uploads answered") from None
    written = text(media, "base64", most=INLINE_MOST * 4 // 3 + 200, prefix="media.")
    if written.startswith("data:"):
        written = written.partition(",")[2]
    try:
        data = base64.b64decode(re.sub(r"\s", "", written), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("media.base64", "this is not base64") from None
    if not data:
        raise Invalid("media.base64", "the file is empty", code="media_invalid")
    if len(data) > INLINE_MOST:
        raise Invalid(
            "media.base64",
            f"use at most {INLINE_MOST:,} bytes here, and POST /uploads for larger files",
            code="media_too_large",
        )
    return Source(data=data)


def _location(body: Body, order: Order) -> Order:
    place = mapping(body.get("location"), "location")
    only(place, ("latitude", "longitude", "name", "address"), "location", what="a location")
    name = text(place, "name", most=NAME_MOST, prefix="location.", empty=True)
    location = {
        "latitude": number(place, "latitude", least=-90, most=90, prefix="location."),
        "longitude": number(place, "longitude", least=-180, most=180, prefix="location."),
        "name": name,
        "address": text(place, "address", most=1_000, prefix="location.", empty=True),
    }
    return replace(order, text=name, content={"location": location})


def _contact(body: Body, order: Order) -> Order:
    cards = []
    for n, entry in enumerate(
        sequence(body, "contacts", least=1, most=CONTACTS_MOST, what="contacts")
    ):
        prefix = f"contacts[{n}]."
        card = mapping(entry, prefix[:-1])
        only(card, ("name", "phone_number", "vcard"), prefix[:-1], what="a contact")
        name = text(card, "name", most=NAME_MOST, prefix=prefix)
        if ("vcard" in card) == ("phone_number" in card):
            raise Invalid(prefix[:-1], "use exactly one of phone_number and vcard")
        cards.append({"name": name, "vcard": _vcard(card, name, prefix)})
    return replace(order, text=cards[0]["name"], content={"contacts": cards})


def _vcard(card: Body, name: str, prefix: str) -> str:
    if "vcard" in card:
        written = text(card, "vcard", most=16_384, prefix=prefix)
        if not re.match(r"\s*BEGIN:VCARD", written) or "END:VCARD" not in written:
            raise Invalid(prefix + "vcard", "a vCard goes from BEGIN:VCARD to END:VCARD")
        return written
    try:
        digits = recipients.parse(text(card, "phone_number", most=40, prefix=prefix)).phone_number
    except recipients.NoRecipient as exc:
        raise Invalid(prefix + "phone_number", str(exc)) from None
    if not digits:
        raise Invalid(prefix + "phone_number", "use a phone number with its country code")
    shown = re.sub(r"([\\,;])", r"\\\1", re.sub(r"\s+", " ", name))
    return (
        f"BEGIN:VCARD\nVERSION:3.0\nN:;{shown};;;\nFN:{shown}\n"
        f"TEL;type=CELL;type=VOICE;waid={digits[1:]}:{digits}\nEND:VCARD"
    )


def _poll(body: Body, order: Order) -> Order:
    poll = mapping(body.get("poll"), "poll")
    only(poll, ("name", "options", "selectable"), "poll", what="a poll")
    name = text(poll, "name", most=NAME_MOST, prefix="poll.")
    options = sequence(
        poll, "options", least=OPTIONS_LEAST, most=OPTIONS_MOST, prefix="poll.", what="options"
    )
    named = [
        text({f"options[{n}]": option}, f"options[{n}]", most=OPTION_LENGTH, prefix="poll.")
        for n, option in enumerate(options)
    ]
    if len(set(named)) != len(named):
        raise Invalid("poll.options", "name each option once")
    selectable = whole(poll, "selectable", least=0, most=len(named), default=1, prefix="poll.")
    content = {"poll": {"name": name, "options": named, "selectable": selectable}}
    return replace(order, text=name, content=content)


def _reaction(body: Body, order: Order) -> Order:
    emoji = text(body, "emoji", most=EMOJI_MOST, empty=True)
    if "emoji" not in body:
        raise Invalid("emoji", 'it is missing; an empty string "" takes the reaction back')
    if emoji and (not emoji.strip() or emoji.isascii() or any(c.isalpha() for c in emoji)):
        raise Invalid("emoji", 'use one emoji, or "" to take the reaction back')
    target = _reference(body, "message_id")
    return replace(order, target=target, content={"emoji": emoji})


def _edit(body: Body, order: Order) -> Order:
    target = _reference(body, "message_id")
    return replace(order, target=target, text=text(body, "text", most=TEXT_MOST))


def _revoke(body: Body, order: Order) -> Order:
    return replace(order, target=_reference(body, "message_id"))


_FILE_FIELDS = (*SAYING, "media", "filename")
TYPES: dict[str, tuple[tuple[str, ...], Callable[[Body, Order], Order]]] = {
    "text": ((*SAYING, "text"), _text),
    "image": ((*_FILE_FIELDS, "caption"), _file),
    "video": ((*_FILE_FIELDS, "caption"), _file),
    "audio": (_FILE_FIELDS, _file),
    "voice": (_FILE_FIELDS, _file),
    "document": ((*_FILE_FIELDS, "caption"), _file),
    "sticker": (_FILE_FIELDS, _file),
    "location": ((*COMMON, "reply_to", "location"), _location),
    "contact": ((*COMMON, "reply_to", "contacts"), _contact),
    "poll": ((*COMMON, "reply_to", "poll"), _poll),
    "reaction": ((*COMMON, "message_id", "emoji"), _reaction),
    "edit": ((*COMMON, "message_id", "text", "mentions"), _edit),
    "revoke": ((*COMMON, "message_id"), _revoke),
}
OPERATIONS = frozenset({"reaction", "edit", "revoke"})  # they change a message, and are none


def idempotency_key(written: str | None) -> str | None:
    """The header's value. None when the app sent none."""
    if written is None:
        return None
    key = written.strip()
    if not key or len(key) > KEY_MOST or not key.isascii() or not key.isprintable():
        raise Invalid("Idempotency-Key", f"use 1 to {KEY_MOST} printable ASCII characters")
    return key
