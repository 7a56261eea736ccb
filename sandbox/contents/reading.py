"""What a decrypted message says, as a document for a phone's inbox. Knows no chat and no network.

Poll votes stay closed here, because opening them takes the poll; files are only described.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.contents import codec
from sandbox.contents.codec import Message
from sandbox.contents.shapes import SHAPES
from sandbox.contents.traits import EDIT, EPHEMERAL_SETTING, POLLS, REVOKE, WRAPPERS
from sandbox.wire import protobuf

TEXT_KIND, PROTOCOL_KIND, UNSUPPORTED_KIND = "text", "protocol", "unsupported"
VIEW_ONCE_WRAPPERS = frozenset(
    {"viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension"}
)
NOT_CONTENT = frozenset({2, 15, 35})
"""Fields of a message that accompany others: sender keys and messageContextInfo."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SealedPart:
    """A file that a message points to; `kind` is one of sealed_files.KEY_INFO."""

    kind: str
    part: Message


@dataclass(frozen=True, slots=True)
class MessageContent:
    """A decrypted message. `kind` is a type of the control API, or protocol: not for people."""

    kind: str
    text: str = ""
    destination: str = ""
    """The chat, when this is a copy that another device of the same account made; else empty."""
    details: Document = field(default_factory=dict)
    """What the type needs and the text does not say, as JSON-compatible data."""
    message: Message = field(default_factory=dict)
    """The message without its wrappers."""
    file: SealedPart | None = None
    plaintext: bytes = b""
    """The message as it was sent, without the wrapper of a copy."""


def read_message(data: bytes) -> MessageContent:
    """What a plaintext says. Raises WireError when it is not protobuf."""
    destination = ""
    message = codec.decode("Message", data)
    if "deviceSentMessage" in message:
        copy = message["deviceSentMessage"]
        destination = copy.get("destinationJID", "")
        data = protobuf.decode(data).message(31).data(2)
        message = copy.get("message", {})
    details: Document = {}
    raw = data
    while wrapper := next((name for name in WRAPPERS if name in message), None):
        raw = _inside(raw, wrapper)
        message = {**message[wrapper].get("message", {}), **_context(message)}
        if wrapper in VIEW_ONCE_WRAPPERS:
            details["view_once"] = True
    kind, text, more, file = _content(message, raw)
    details |= more | _surroundings(message)
    return MessageContent(kind, text, destination, details, message, file, data)


def secret_of(plaintext: bytes) -> bytes:
    """The secret that a message carries for what refers to it; empty when there is none."""
    secret: bytes = (
        read_message(plaintext).message.get("messageContextInfo", {}).get("messageSecret", b"")
    )
    return secret


def _inside(data: bytes, wrapper: str) -> bytes:
    number = SHAPES["Message"][wrapper].number
    return protobuf.decode(data).message(number).data(1)


def _context(message: Message) -> Message:
    """The context of the outer message holds for the inner one."""
    context = message.get("messageContextInfo")
    return {"messageContextInfo": context} if context else {}


_Content = tuple[str, str, Document, SealedPart | None]


def _content(message: Message, raw: bytes) -> _Content:
    for name, read in _READERS.items():
        if name in message:
            return read(message[name])
    numbers = [number for number in protobuf.decode(raw).numbers if number not in NOT_CONTENT]
    if not numbers:
        return PROTOCOL_KIND, "", {}, None
    return UNSUPPORTED_KIND, "", {"raw": {"fields": numbers}}, None


def _surroundings(message: Message) -> Document:
    """Reply, mentions, forwarding and timer, wherever the type keeps them."""
    part: Message = next(
        (value for value in message.values() if isinstance(value, dict) and "contextInfo" in value),
        {},
    )
    info = part.get("contextInfo", {})
    found: Document = {}
    if "stanzaID" in info:
        quoted = info.get("quotedMessage", {})
        found["quoted"] = {
            "wa_id": info["stanzaID"],
            "sender_jid": info.get("participant", ""),
            "text": _content(quoted, codec.encode("Message", quoted))[1],
        }
    if info.get("mentionedJID"):
        found["mentions"] = info["mentionedJID"]
    if info.get("isForwarded"):
        found["forwarded"] = True
    if info.get("expiration"):
        found["expires_in"] = info["expiration"]
        if info.get("ephemeralSettingTimestamp"):
            found["expires_since"] = info["ephemeralSettingTimestamp"]
    if part.get("viewOnce"):
        found["view_once"] = True
    return found


def _plain(text: Any) -> _Content:
    return TEXT_KIND, str(text), {}, None


def _extended(part: Message) -> _Content:
    return TEXT_KIND, part.get("text", ""), {}, None


def _file(kind: str) -> Callable[[Message], _Content]:
    def read(part: Message) -> _Content:
        kind_of_message = "voice" if part.get("PTT") else kind
        document = {
            "mime_type": part.get("mimetype", ""),
            "filename": part.get("fileName", ""),
            "size": part.get("fileLength", 0),
            "sha256": part.get("fileSHA256", b"").hex(),
            "width": part.get("width", 0),
            "height": part.get("height", 0),
            "duration": part.get("seconds", 0),
            "waveform": _base64(part.get("waveform")),
            "thumbnail": _base64(part.get("JPEGThumbnail") or part.get("pngThumbnail")),
            "animated": part.get("isAnimated", False),
            "gif": part.get("gifPlayback", False),
        }
        caption = part.get("caption", "")
        return kind_of_message, caption, {"media": document}, SealedPart(kind, part)

    return read


def _base64(data: bytes | None) -> str:
    return base64.b64encode(data or b"").decode()


def _location(part: Message) -> _Content:
    kind = "live_location" if part.get("isLive") else "location"
    location = {
        "latitude": part.get("degreesLatitude", 0.0),
        "longitude": part.get("degreesLongitude", 0.0),
        "name": part.get("name", ""),
        "address": part.get("address", ""),
        "url": part.get("URL", ""),
        "accuracy": part.get("accuracyInMeters", 0),
    }
    return kind, part.get("comment", ""), {"location": location}, None


def _live_location(part: Message) -> _Content:
    location = {
        "latitude": part.get("degreesLatitude", 0.0),
        "longitude": part.get("degreesLongitude", 0.0),
        "accuracy": part.get("accuracyInMeters", 0),
        "sequence": part.get("sequenceNumber", 0),
    }
    return "live_location", part.get("caption", ""), {"location": location}, None


def _contact(part: Message) -> _Content:
    return "contact", "", {"contacts": [_card(part)]}, None


def _contacts(part: Message) -> _Content:
    return "contact", "", {"contacts": [_card(card) for card in part.get("contacts", [])]}, None


def _card(part: Message) -> Document:
    return {"name": part.get("displayName", ""), "vcard": part.get("vcard", "")}


def _poll(part: Message) -> _Content:
    poll = {
        "name": part.get("name", ""),
        "options": [option.get("optionName", "") for option in part.get("options", [])],
        "selectable": part.get("selectableOptionsCount", 0),
    }
    return "poll", poll["name"], {"poll": poll}, None


def _vote(part: Message) -> _Content:
    key = part.get("pollCreationMessageKey", {})
    return "poll_vote", "", {"vote": {"message_id": key.get("ID", ""), "readable": False}}, None


def _reaction(part: Message) -> _Content:
    key = part.get("key", {})
    emoji = part.get("text", "")
    return "reaction", emoji, {"reaction": {"message_id": key.get("ID", ""), "emoji": emoji}}, None


def _group_invite(part: Message) -> _Content:
    invite = {
        "jid": part.get("groupJID", ""),
        "code": part.get("inviteCode", ""),
        "name": part.get("groupName", ""),
        "expires_at": part.get("inviteExpiration", 0),
    }
    return "group_invite", part.get("caption", ""), {"group_invite": invite}, None


def _protocol(part: Message) -> _Content:
    kind = part.get("type", REVOKE)
    message_id = part.get("key", {}).get("ID", "")
    if kind == REVOKE and message_id:
        return "revoke", "", {"revoke": {"message_id": message_id}}, None
    if kind == EDIT:
        edited = part.get("editedMessage", {})
        _, text, _, _ = _content(edited, codec.encode("Message", edited))
        return "edit", text, {"edit": {"message_id": message_id, "text": text}}, None
    if kind == EPHEMERAL_SETTING:
        return "timer", "", {"timer": {"seconds": part.get("ephemeralExpiration", 0)}}, None
    return PROTOCOL_KIND, "", {}, None


_READERS: dict[str, Callable[[Any], _Content]] = {
    "conversation": _plain,
    "extendedTextMessage": _extended,
    "imageMessage": _file("image"),
    "videoMessage": _file("video"),
    "ptvMessage": _file("video"),
    "audioMessage": _file("audio"),
    "documentMessage": _file("document"),
    "stickerMessage": _file("sticker"),
    "locationMessage": _location,
    "liveLocationMessage": _live_location,
    "contactMessage": _contact,
    "contactsArrayMessage": _contacts,
    **dict.fromkeys(POLLS, _poll),
    "pollUpdateMessage": _vote,
    "reactionMessage": _reaction,
    "groupInviteMessage": _group_invite,
    "protocolMessage": _protocol,
}
