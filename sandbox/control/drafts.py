"""What a control request wants a phone to say: the body of POST /phones/{n}/messages, checked.

A draft knows the phone and the chat, but not how messages travel: `plaintext` is what goes into
the encryption. Each type has one function; it raises ApiError with the name of the field.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.contents import codec, read_message, votes, writing
from sandbox.contents.codec import Message
from sandbox.contents.reading import secret_of
from sandbox.control.files import file_draft
from sandbox.control.requests import ApiError, Fields
from sandbox.network.archive import Known
from sandbox.network.hub import Network
from sandbox.network.model import Phone
from sandbox.network.phone_outbox import UNAVAILABLE, UNREADABLE, UNREADABLE_ONCE, VIEW_ONCE
from sandbox.wire.errors import WireError
from sandbox.wire.jids import GROUP_SERVER, Jid

MAX_TEXT_CHARACTERS = 65_536
MAX_MENTIONS = 10_000
MAX_CONTACTS = 257
MAX_OPTIONS = 12
MAX_SECONDS = 366 * 86_400
MAX_FIELD = 2**29 - 1
INDEX = "{n}"
"""Replaced in texts by the index of each of `count` messages."""
FILE_TYPES = frozenset(writing.FILE_FIELDS)

Build = Callable[[int], Message | bytes]


@dataclass(frozen=True, slots=True)
class Draft:
    """Messages to be made: `plaintext` gives the one with this index. `manner` is how to send."""

    plaintext: Callable[[int], bytes]
    manner: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who writes, and in which chat: the address of a person (hidden id) or of a group."""

    network: Network
    phone: Phone
    chat: Jid
    body: Fields

    @property
    def in_group(self) -> bool:
        """Whether keys must name the author of what they refer to."""
        return self.chat.server == GROUP_SERVER

    def known(self, fields: Fields, field: str) -> Known:
        """The message that the phone knows under the id in the field. Raises ApiError (404)."""
        wa_id = fields.text(field)
        known = self.network.archive.find(self.phone.digits, wa_id)
        if known is None:
            name = fields.prefix + field
            detail = f"{name}: {self.phone.number} knows no message {wa_id}"
            raise ApiError(404, "unknown_message", detail, name)
        return known

    def own(self, fields: Fields, field: str) -> Known:
        """The same, and the phone must have written it. Raises ApiError (404, 422)."""
        known = self.known(fields, field)
        if not known.from_me:
            raise fields.invalid(field, "must be a message that the phone's owner wrote")
        return known

    def key(self, known: Known) -> Message:
        """The key of a message in this chat."""
        participant = known.sender if self.in_group else ""
        return writing.key_of(
            str(self.chat), known.wa_id, from_me=known.from_me, participant=participant
        )


def draft_of(network: Network, phone: Phone, chat: Jid, body: Fields) -> Draft:
    """Check the body and prepare its messages; files are uploaded here, once.

    Raises ApiError: 422 `invalid`, 422 `unsupported_type`, 404 `unknown_message`.
    """
    kind = body.text("type", "text")
    make = TYPES.get(kind)
    if make is None:
        supported = ", ".join(sorted(TYPES))
        detail = f"type: {kind!r} is not supported; supported: {supported}"
        raise ApiError(422, "unsupported_type", detail, "type")
    desk = Desk(network, phone, chat, body)
    context = _context(desk)
    build = make(desk)
    once, ephemeral = body.flag("view_once"), "expiration" in context
    if once and kind not in ("image", "video", "audio", "voice"):
        raise body.invalid("view_once", "is for image, video, audio and voice")

    def plaintext(index: int) -> bytes:
        message = build(index)
        if isinstance(message, bytes):
            return message
        message = writing.with_context(message, context)
        message = writing.view_once(message) if once else message
        message = writing.ephemeral(message) if ephemeral else message
        return codec.encode("Message", message)

    return Draft(plaintext, _manner(body, once=once))


def _manner(body: Fields, *, once: bool) -> str:
    if body.flag("unavailable"):
        return f"{UNAVAILABLE}:{VIEW_ONCE}" if once else UNAVAILABLE
    if "unreadable" in body:
        return body.choice("unreadable", frozenset({UNREADABLE, UNREADABLE_ONCE}))
    return ""


def _context(desk: Desk) -> Message:
    body = desk.body
    info: Message = {}
    if "reply_to" in body:
        known = desk.known(body, "reply_to")
        quoted = {
            name: part
            for name, part in read_message(known.body).message.items()
            if name != "messageContextInfo"
        }
        info |= {"stanzaID": known.wa_id, "participant": known.sender, "quotedMessage": quoted}
    if mentions := body.texts("mentions", maximum=MAX_MENTIONS):
        info["mentionedJID"] = [_address(desk, mention) for mention in mentions]
    if body.flag("forwarded"):
        info |= {"isForwarded": True, "forwardingScore": 1}
    if seconds := body.integer("expires_in", minimum=1, maximum=MAX_SECONDS):
        info["expiration"] = seconds
        if since := body.integer("expires_since", minimum=1, maximum=2**31):
            info["ephemeralSettingTimestamp"] = since
    return info


def _address(desk: Desk, mention: str) -> str:
    """The hidden id of a number in this network; an address as it is."""
    if "@" in mention:
        return mention
    phone = desk.network.find(Jid(mention.removeprefix("+")))
    if phone is None:
        raise desk.body.invalid("mentions", f"{mention} is not in this network; use an address")
    return str(phone.lid)


def _text(desk: Desk) -> Build:
    text = desk.body.text("text")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise desk.body.invalid("text", f"must have at most {MAX_TEXT_CHARACTERS} characters")
    return lambda index: {"conversation": text.replace(INDEX, str(index))}


def _file(desk: Desk) -> Build:
    draft = file_draft(desk.network, desk.phone, desk.body)
    return lambda index: draft(INDEX, str(index))


def _location(desk: Desk) -> Build:
    fields = desk.body.part("location")
    part: Message = {
        "degreesLatitude": _degrees(fields, "latitude", 90),
        "degreesLongitude": _degrees(fields, "longitude", 180),
        "accuracyInMeters": fields.integer("accuracy", minimum=0, maximum=10**7),
    }
    if desk.body.text("type") == "live_location":
        caption = desk.body.optional("text") or None
        sequence = fields.integer("sequence", minimum=0, maximum=2**62) or 1
        live = {**part, "caption": caption, "sequenceNumber": sequence}
        return lambda index: {"liveLocationMessage": live}
    names = {"name": "name", "address": "address", "URL": "url"}
    part |= {name: fields.optional(field) or None for name, field in names.items()}
    part["comment"] = desk.body.optional("text") or None
    return lambda index: {"locationMessage": part}


def _degrees(fields: Fields, field: str, maximum: int) -> float:
    degrees = fields.number(field, minimum=-maximum, maximum=maximum)
    if degrees is None:
        raise fields.invalid(field, f"must be a number from -{maximum} to {maximum}")
    return degrees


def _contacts(desk: Desk) -> Build:
    cards = []
    for card in desk.body.parts("contacts", maximum=MAX_CONTACTS):
        name = card.text("name")
        vcard = card.optional("vcard")
        cards.append((name, vcard or writing.vcard_of(name, "+" + card.digits("phone_number"))))
    return lambda index: writing.contacts(cards)


def _poll(desk: Desk) -> Build:
    fields = desk.body.part("poll")
    name, options = fields.text("name"), fields.texts("options", maximum=MAX_OPTIONS)
    if len(options) < 2 or len(set(options)) != len(options):
        raise fields.invalid("options", f"must be 2 to {MAX_OPTIONS} different texts")
    selectable = fields.integer("selectable", minimum=0, maximum=len(options)) or 0
    return lambda index: writing.poll(name.replace(INDEX, str(index)), options, selectable)


def _vote(desk: Desk) -> Build:
    fields = desk.body.part("vote")
    known = desk.known(fields, "message_id")
    chosen = fields.texts("options", maximum=MAX_OPTIONS)
    offered = read_message(known.body).details.get("poll", {}).get("options")
    if offered is None:
        raise fields.invalid("message_id", "must be a poll")
    if unknown := [option for option in chosen if option not in offered]:
        raise fields.invalid("options", f"{unknown[0]!r} is not an option of the poll")
    secret = secret_of(known.body)
    if not secret:
        raise fields.invalid("message_id", "is a poll without a secret; nobody can vote")

    def build(index: int) -> Message:
        sealed = votes.seal_vote(
            secret,
            known.wa_id,
            author=known.sender,
            voter=str(desk.phone.lid),
            options=chosen,
        )
        return writing.vote(desk.key(known), sealed, desk.network.now())

    return build


def _reaction(desk: Desk) -> Build:
    fields = desk.body.part("reaction")
    key = desk.key(desk.known(fields, "message_id"))
    emoji = fields.optional("emoji")
    return lambda index: writing.reaction(key, emoji, desk.network.now())


def _edit(desk: Desk) -> Build:
    fields = desk.body.part("edit")
    key, text = desk.key(desk.own(fields, "message_id")), fields.text("text")
    return lambda index: writing.edit(key, text, desk.network.now())


def _revoke(desk: Desk) -> Build:
    fields = desk.body.part("revoke")
    find = desk.known if desk.in_group else desk.own
    key = desk.key(find(fields, "message_id"))
    return lambda index: writing.revoke(key)


def _timer(desk: Desk) -> Build:
    seconds = desk.body.part("timer").integer("seconds", minimum=0, maximum=MAX_SECONDS)
    if seconds is None:
        raise desk.body.part("timer").invalid("seconds", "must be a whole number, 0 for never")
    return lambda index: writing.timer(seconds, desk.network.now())


def _group_invite(desk: Desk) -> Build:
    fields = desk.body.part("group_invite")
    part: dict[str, Any] = {
        "groupJID": fields.text("jid"),
        "inviteCode": fields.text("code"),
        "groupName": fields.text("name"),
        "inviteExpiration": fields.integer("expires_at", minimum=0, maximum=2**62),
        "caption": desk.body.optional("text") or None,
    }
    return lambda index: {"groupInviteMessage": part}


def _raw(desk: Desk) -> Build:
    fields = desk.body.part("raw")
    number = fields.integer("field", minimum=1, maximum=MAX_FIELD)
    if number is None:
        raise fields.invalid("field", f"must be a field number from 1 to {MAX_FIELD}")
    encoded = writing.raw_field(number, fields.data("base64"))
    try:
        read_message(encoded)
    except WireError as error:
        raise fields.invalid("base64", f"does not fit field {number}: {error}") from error
    return lambda index: encoded


TYPES: dict[str, Callable[[Desk], Build]] = {
    "text": _text,
    **dict.fromkeys(FILE_TYPES, _file),
    "location": _location,
    "live_location": _location,
    "contact": _contacts,
    "poll": _poll,
    "vote": _vote,
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
    "timer": _timer,
    "group_invite": _group_invite,
    "raw": _raw,
}
