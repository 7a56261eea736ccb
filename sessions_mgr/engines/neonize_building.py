"""Builds waE2E messages from orders. Pure: fills a message that the caller made, uploads nothing.

neonize has builders of its own; they fetch URLs, ask libmagic and ffmpeg, and look people up. Ours
are plain protobuf, after whatsmeow's send.go (BuildReaction, BuildRevoke, BuildEdit, BuildPoll).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .base import EngineError
from .neonize_files import decoded

TEXT_CHARACTERS = 65_536
OPTIONS = 12  # WhatsApp's own limit for a poll
MENTIONS = 5000
THUMBNAIL_BYTES = 64 * 1024
_REVOKE, _MESSAGE_EDIT = 0, 14

Content = dict[str, Any]

# Field of waE2E.Message and whether it takes a caption, by our types.
MEDIA = {
    "image": "imageMessage",
    "video": "videoMessage",
    "audio": "audioMessage",
    "voice": "audioMessage",
    "document": "documentMessage",
    "sticker": "stickerMessage",
}
# Types that start a message of their own and not a remark about another one.
STANDALONE = frozenset({"text", "location", "contact", "poll", *MEDIA})


def build(message: Any, content: Content, *, chat: str, upload: Any = None) -> None:
    """Fill `message` with what the order says. `chat` is the JID that it goes to; `upload` is
    neonize's answer to the upload of the file. Raises EngineError (invalid_request)."""
    kind = str(content.get("type", ""))
    if kind in MEDIA:
        _media(message, kind, content, upload)
    elif builder := _BUILDERS.get(kind):
        builder(message, content, chat)
    else:
        raise EngineError("invalid_request", f"no message of the type {kind!r:.40} can be sent")


def _text(message: Any, content: Content, _: str) -> None:
    text = _words(content.get("text"))
    if not text:
        raise EngineError("invalid_request", "a text has at least one character")
    if not _has_context(content):
        message.conversation = text
        return
    message.extendedTextMessage.text = text
    _context(message.extendedTextMessage, content)


def _media(message: Any, kind: str, content: Content, upload: Any) -> None:
    media = content.get("media") or {}
    if upload is None:
        raise EngineError("invalid_request", f"a message of the type {kind} has a file")
    target = getattr(message, MEDIA[kind])
    target.URL = upload.url
    target.directPath = upload.DirectPath
    target.mediaKey = upload.MediaKey
    target.fileEncSHA256 = upload.FileEncSHA256
    target.fileSHA256 = upload.FileSHA256
    target.fileLength = upload.FileLength
    target.mediaKeyTimestamp = int(time.time())
    target.mimetype = str(media.get("mime_type") or "application/octet-stream")
    if kind in ("image", "video", "sticker"):
        target.width = _whole(media.get("width"))
        target.height = _whole(media.get("height"))
    if kind in ("video", "audio", "voice"):
        target.seconds = _whole(media.get("duration"))
    if kind in ("image", "video", "document"):
        target.JPEGThumbnail = _thumbnail(media)
        if text := _words(content.get("text")):
            target.caption = text
    if kind == "voice":
        target.PTT = True
        target.waveform = decoded(str(media.get("waveform") or ""))[:64]
    elif kind == "document":
        target.fileName = target.title = str(media.get("filename") or "file")[:255]
    elif kind == "sticker":
        target.isAnimated = bool(media.get("animated"))
    elif kind == "video":
        target.gifPlayback = bool(media.get("animated"))
    _context(target, content)


def _location(message: Any, content: Content, _: str) -> None:
    place = content.get("location") or {}
    target = message.locationMessage
    try:
        target.degreesLatitude = float(place["latitude"])
        target.degreesLongitude = float(place["longitude"])
    except (KeyError, TypeError, ValueError):
        raise EngineError("invalid_request", "a location has a latitude and a longitude") from None
    if place.get("name"):
        target.name = str(place["name"])[:1024]
    if place.get("address"):
        target.address = str(place["address"])[:1024]
    _context(target, content)


def _contact(message: Any, content: Content, _: str) -> None:
    cards = content.get("contacts") or []
    if not cards:
        raise EngineError("invalid_request", "a message of the type contact has contacts")
    if len(cards) == 1:
        _card(message.contactMessage, cards[0])
        _context(message.contactMessage, content)
        return
    array = message.contactsArrayMessage
    array.displayName = f"{len(cards)} contacts"
    for card in cards:
        _card(array.contacts.add(), card)
    _context(array, content)


def _card(target: Any, card: dict[str, Any]) -> None:
    target.displayName = str(card.get("name") or "")[:1024]
    target.vcard = str(card.get("vcard") or "")


def _poll(message: Any, content: Content, _: str) -> None:
    poll = content.get("poll") or {}
    options = [str(option) for option in poll.get("options") or []]
    selectable = _whole(poll.get("selectable"))
    if not poll.get("name") or not 2 <= len(options) <= OPTIONS:
        raise EngineError("invalid_request", f"a poll has a name and 2 to {OPTIONS} options")
    if len(set(options)) != len(options) or selectable > len(options):
        raise EngineError("invalid_request", "a poll's options differ, as many can be chosen")
    # As the phones do: one that takes a single choice is of the third version.
    target = message.pollCreationMessageV3 if selectable == 1 else message.pollCreationMessage
    target.name = str(poll["name"])
    target.selectableOptionsCount = selectable
    for option in options:
        target.options.add().optionName = option
    _context(target, content)


def _reaction(message: Any, content: Content, chat: str) -> None:
    _key(message.reactionMessage.key, content, chat)
    message.reactionMessage.text = str(content.get("emoji") or "")
    message.reactionMessage.senderTimestampMS = int(time.time() * 1000)


def _edit(message: Any, content: Content, chat: str) -> None:
    text = _words(content.get("text"))
    if not text:
        raise EngineError("invalid_request", "an edit has a new text")
    protocol = message.editedMessage.message.protocolMessage
    _key(protocol.key, content | {"target": _target(content) | {"from_me": True}}, chat)
    protocol.type = _MESSAGE_EDIT
    protocol.timestampMS = int(time.time() * 1000)
    if not _has_context(content):
        protocol.editedMessage.conversation = text
        return
    protocol.editedMessage.extendedTextMessage.text = text
    _context(protocol.editedMessage.extendedTextMessage, content)


def _revoke(message: Any, content: Content, chat: str) -> None:
    _key(message.protocolMessage.key, content, chat)
    message.protocolMessage.type = _REVOKE


_BUILDERS: dict[str, Callable[[Any, Content, str], None]] = {
    "text": _text,
    "location": _location,
    "contact": _contact,
    "poll": _poll,
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
}


def _target(content: Content) -> dict[str, Any]:
    target = content.get("target")
    if not isinstance(target, dict) or not target.get("wa_id"):
        raise EngineError("invalid_request", "the message that this is about is missing")
    return target


def _key(key: Any, content: Content, chat: str) -> None:
    """How WhatsApp names a message: the chat, the id, and in a group who of the others wrote it."""
    target = _target(content)
    key.remoteJID = chat
    key.fromMe = bool(target.get("from_me"))
    key.ID = str(target["wa_id"])
    if not key.fromMe and chat.endswith("@g.us"):
        if not target.get("sender_jid"):
            raise EngineError("invalid_request", "in a group the author of the message is needed")
        key.participant = str(target["sender_jid"])


def _has_context(content: Content) -> bool:
    return any(content.get(name) for name in ("quoted", "mentions", "expires_in"))


def _context(target: Any, content: Content) -> None:
    if not _has_context(content):
        return
    context = target.contextInfo
    if quoted := content.get("quoted"):
        context.stanzaID = str(quoted["wa_id"])
        context.participant = str(quoted.get("sender_jid") or "")
        context.quotedMessage.conversation = _words(quoted.get("text"))
    context.mentionedJID.extend(str(jid) for jid in (content.get("mentions") or [])[:MENTIONS])
    if expires_in := _whole(content.get("expires_in")):
        context.expiration = expires_in
        if since := _whole(content.get("expires_since")):
            context.ephemeralSettingTimestamp = since


def _words(text: object) -> str:
    said = str(text or "")
    if len(said) > TEXT_CHARACTERS:
        raise EngineError("invalid_request", f"a text has at most {TEXT_CHARACTERS} characters")
    return said


def _whole(number: object) -> int:
    """A number that is not said, or is nonsense, is 0; WhatsApp takes 32 bits."""
    try:
        return max(0, min(int(float(str(number or 0))), 2**31 - 1))
    except (ValueError, OverflowError):
        return 0


def _thumbnail(media: dict[str, Any]) -> bytes:
    thumbnail = decoded(str(media.get("thumbnail") or ""))
    return thumbnail if len(thumbnail) <= THUMBNAIL_BYTES else b""
