"""What is inside one WhatsApp message (waE2E.Message), in our words. Pure; never raises.

Wrappers are taken off first: whatsmeow removes most, but not those inside of a history or in an
order that it does not expect. What has no type here becomes `unsupported` with the name of its
protobuf field, or its number where WhatsApp is newer than this engine: somebody said something, and
whoever shows it can say at least that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet

from .base import MediaRef
from .neonize_files import MEDIA_FIELDS, media_ref
from .neonize_parties import without_device

TEXT_CHARACTERS = 65_536  # what WhatsApp allows
NAME_CHARACTERS = 1024
VCARD_CHARACTERS = 32 * 1024
LIST_ITEMS = 5000  # mentions
CONTACTS = 64
OPTIONS = 64
LENGTH_DELIMITED = 2  # the wire type of messages and texts
LAST_SECOND = 2**32  # Unix time; more is in another unit, or nonsense

# Parts of a message that carry no content of their own.
_ENVELOPE = frozenset(
    {
        "messageContextInfo",
        "senderKeyDistributionMessage",
        "fastRatchetKeySenderKeyDistributionMessage",
    }
)
_WRAPPERS = (
    "deviceSentMessage",
    "botInvokeMessage",
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "lottieStickerMessage",
    "documentWithCaptionMessage",
    "editedMessage",
    "groupMentionedMessage",
    "associatedChildMessage",
    "pollCreationMessageV4",
    "spoilerMessage",
)
VIEW_ONCE = frozenset({"viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension"})
_POLLS = (
    "pollCreationMessage",
    "pollCreationMessageV2",
    "pollCreationMessageV3",
    "pollCreationMessageV5",
    "pollCreationMessageV6",
)
# What we cannot show, but whose words we can.
_WORDS: dict[str, tuple[str, ...]] = {
    "buttonsMessage": ("contentText", "text"),
    "buttonsResponseMessage": ("selectedDisplayText",),
    "listMessage": ("description", "title"),
    "listResponseMessage": ("title", "description"),
    "templateButtonReplyMessage": ("selectedDisplayText",),
    "interactiveMessage": ("body.text",),
    "interactiveResponseMessage": ("body.text",),
    "templateMessage": (
        "hydratedTemplate.hydratedContentText",
        "hydratedFourRowTemplate.hydratedContentText",
        "interactiveMessageTemplate.body.text",
    ),
    "eventMessage": ("name",),
    "productMessage": ("body", "product.title"),
    "orderMessage": ("message",),
    "stickerPackMessage": ("name",),
}


@dataclass(frozen=True, slots=True)
class Said:
    """One message's content. `source` is the name of the protobuf field that holds it."""

    type: str
    source: str
    text: str = ""
    media: MediaRef | None = None
    content: dict[str, Any] = field(default_factory=dict)

    @property
    def raw_type(self) -> str:
        return self.source if self.type == "unsupported" else ""


def unwrap(message: Any) -> tuple[Any, frozenset[str]]:
    """The innermost message and the names of the wrappers around it."""
    seen: set[str] = set()
    while len(seen) < len(_WRAPPERS):
        for name in _WRAPPERS:
            if name not in seen and _has(message, name) and _has(getattr(message, name), "message"):
                seen.add(name)
                message = getattr(message, name).message
                break
        else:
            break
    return message, frozenset(seen)


def field_of(message: Any) -> str:
    """The field in which something is said; "" for a message in which nobody says anything."""
    names = [f.name for f, _ in message.ListFields() if f.name not in _ENVELOPE]
    return names[0] if names else ""


def _newer_field(message: Any) -> str:
    """The field of a message that is newer than our protobufs, by its number; "" for none."""
    unknown = UnknownFieldSet(message)
    fields = [unknown[n] for n in range(len(unknown))]
    numbers = [f.field_number for f in fields if f.wire_type == LENGTH_DELIMITED]
    return f"field_{min(numbers)}" if numbers else ""


def read(message: Any, *, view_once: bool = False) -> Said | None:
    """What an unwrapped message says, or None when it says nothing.

    Reactions, edits, revocations and votes are `unsupported` here: they are about other messages,
    and neonize_messages.py has taken them out before.
    """
    name = field_of(message)
    if not name:
        newer = _newer_field(message)
        return Said("unsupported", newer) if newer else None
    body = getattr(message, name)
    if name == "conversation":
        return Said("text", name, text=_cut(body))
    content = _context(body)
    if (view_once or getattr(body, "viewOnce", False)) and name != "extendedTextMessage":
        # Only the phone may show it: the notice is all that we pass on, never the file.
        return Said("view_once", name, content=content | {"view_once": True})
    if name == "extendedTextMessage":
        return Said("text", name, text=_cut(body.text), content=content)
    if name in MEDIA_FIELDS:
        return _file(message, name, body, content)
    if name in ("locationMessage", "liveLocationMessage"):
        return _location(name, body, content)
    if name in ("contactMessage", "contactsArrayMessage"):
        cards = [body] if name == "contactMessage" else list(body.contacts[:CONTACTS])
        contacts = [
            {"name": card.displayName[:NAME_CHARACTERS], "vcard": card.vcard[:VCARD_CHARACTERS]}
            for card in cards
        ]
        return Said("contact", name, content=content | {"contacts": contacts})
    if name in _POLLS:
        return _poll(name, body, content)
    if name == "groupInviteMessage":
        return _invitation(name, body, content)
    return Said("unsupported", name, text=_words(name, body), content=content)


def words_of(message: Any) -> str:
    """The text of any message: what was said, a caption, or nothing."""
    inner, _ = unwrap(message)
    said = read(inner)
    return said.text if said else ""


def _file(message: Any, name: str, body: Any, content: dict[str, Any]) -> Said:
    kind = MEDIA_FIELDS[name]
    if kind == "audio" and body.PTT:
        kind = "voice"
    if getattr(body, "gifPlayback", False):
        content["gif"] = True
    return Said(
        kind,
        name,
        text=_cut(getattr(body, "caption", "")),
        media=media_ref(message, name),
        content=content,
    )


def _location(name: str, body: Any, content: dict[str, Any]) -> Said:
    live = name == "liveLocationMessage" or bool(getattr(body, "isLive", False))
    place: dict[str, Any] = {
        "latitude": _finite(body.degreesLatitude),
        "longitude": _finite(body.degreesLongitude),
        "live": live,
    }
    for ours, theirs in (("name", "name"), ("address", "address"), ("url", "URL")):
        if value := str(getattr(body, theirs, ""))[:NAME_CHARACTERS]:
            place[ours] = value
    if body.accuracyInMeters:
        place["accuracy"] = body.accuracyInMeters
    words = _cut(getattr(body, "caption", "") or getattr(body, "comment", ""))
    kind = "live_location" if live else "location"
    return Said(kind, name, text=words, content=content | {"location": place})


def _poll(name: str, body: Any, content: dict[str, Any]) -> Said:
    poll = {
        "name": body.name[:NAME_CHARACTERS],
        "options": [option.optionName[:NAME_CHARACTERS] for option in body.options[:OPTIONS]],
        "selectable": body.selectableOptionsCount,
    }
    return Said("poll", name, text=poll["name"], content=content | {"poll": poll})


def _invitation(name: str, body: Any, content: dict[str, Any]) -> Said:
    invitation = {
        "jid": body.groupJID[:NAME_CHARACTERS],
        "code": body.inviteCode[:NAME_CHARACTERS],
        "name": body.groupName[:NAME_CHARACTERS],
        "expires_at": body.inviteExpiration,
    }
    content = content | {"group_invite": invitation}
    return Said("group_invite", name, text=_cut(body.caption), content=content)


def _context(body: Any) -> dict[str, Any]:
    """What a message says around its content: the quoted message, mentions, forwarding, a timer."""
    if not _has(body, "contextInfo"):
        return {}
    context = body.contextInfo
    content: dict[str, Any] = {}
    if context.stanzaID:
        content["quoted"] = {
            "wa_id": context.stanzaID[:NAME_CHARACTERS],
            "sender_jid": without_device(context.participant)[:NAME_CHARACTERS],
            "text": words_of(context.quotedMessage),
        }
    if context.mentionedJID:
        content["mentions"] = [
            without_device(jid)[:128] for jid in context.mentionedJID[:LIST_ITEMS]
        ]
    if context.isForwarded or context.forwardingScore:
        content["forwarded"] = True
    if context.expiration:
        content["expires_in"] = context.expiration
        if 0 < context.ephemeralSettingTimestamp < LAST_SECOND:
            content["expires_since"] = context.ephemeralSettingTimestamp
    return content


def _words(name: str, body: Any) -> str:
    """The words in a kind of message that has no type of ours."""
    for path in _WORDS.get(name, ()):
        part = body
        for step in path.split("."):
            part = getattr(part, step, "")
        if isinstance(part, str) and part:
            return _cut(part)
    return ""


def _has(message: Any, name: str) -> bool:
    descriptor = getattr(message, "DESCRIPTOR", None)
    if descriptor is None or name not in descriptor.fields_by_name:
        return False
    return bool(message.HasField(name))


def _cut(text: str) -> str:
    return text[:TEXT_CHARACTERS]


def _finite(value: float) -> float:
    """JSON has no word for infinity."""
    return value if abs(value) <= 360.0 else 0.0
