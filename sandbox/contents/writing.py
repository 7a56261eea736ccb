"""Messages as virtual phones write them, one function per type. The results are dictionaries for
`codec.encode("Message", ...)`; addresses are texts, times are Unix seconds.

A chat kind is not known here: whoever sends gives the keys and addresses that fit.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.contents import codec
from sandbox.contents.codec import Message
from sandbox.contents.sealed_files import SealedFile
from sandbox.contents.shapes import SHAPES
from sandbox.contents.traits import EDIT, EPHEMERAL_SETTING, REVOKE
from sandbox.contents.votes import SECRET_BYTES
from sandbox.wire import protobuf

FILE_FIELDS = {
    "image": "imageMessage",
    "video": "videoMessage",
    "audio": "audioMessage",
    "voice": "audioMessage",
    "document": "documentMessage",
    "sticker": "stickerMessage",
}
"""Where a message keeps its file, by the type of the control API."""
DEVICE_SENT_FIELD, CONTEXT_FIELD = 31, 35


def text_message(text: str) -> bytes:
    """A plain text message, encoded."""
    return codec.encode("Message", {"conversation": text})


def device_sent(destination: str, message: bytes) -> bytes:
    """The copy of a sent message for the sender's other devices.

    The context of the message is repeated outside, as clients look for its secret there.
    """
    fields = protobuf.decode(message)
    copy = codec.encode("DeviceSentMessage", {"destinationJID": destination, "message": message})
    context = fields.data(CONTEXT_FIELD) if CONTEXT_FIELD in fields else None
    return protobuf.encode([(DEVICE_SENT_FIELD, copy), (CONTEXT_FIELD, context)])


def key_of(chat: str, wa_id: str, *, from_me: bool, participant: str = "") -> Message:
    """The key of a message, as seen by who refers to it; the participant is for groups."""
    key: Message = {"remoteJID": chat, "fromMe": from_me, "ID": wa_id}
    return key | ({"participant": participant} if participant else {})


def file_message(
    kind: str, sealed: SealedFile, where: Message, about: Mapping[str, Any]
) -> Message:
    """A message with a file. `where` holds URL and directPath, `about` the type's own fields."""
    part: Message = {
        **where,
        "mediaKey": sealed.media_key,
        "fileSHA256": sealed.plain_sha256,
        "fileEncSHA256": sealed.sha256,
        "fileLength": sealed.size,
        **about,
    }
    if kind == "voice":
        part["PTT"] = True
    return {FILE_FIELDS[kind]: part}


def poll(name: str, options: Iterable[str], selectable: int) -> Message:
    """A poll and the secret for its votes. One selectable option makes it the third version."""
    field = "pollCreationMessageV3" if selectable == 1 else "pollCreationMessage"
    part = {
        "name": name,
        "options": [{"optionName": option} for option in options],
        "selectableOptionsCount": selectable,
    }
    secret = secrets.token_bytes(SECRET_BYTES)
    return {field: part, "messageContextInfo": {"messageSecret": secret}}


def vote(key: Message, sealed_vote: Message, now: int) -> Message:
    """An encrypted vote for the poll with this key."""
    part = {"pollCreationMessageKey": key, "vote": sealed_vote, "senderTimestampMS": now * 1000}
    return {"pollUpdateMessage": part}


def reaction(key: Message, emoji: str, now: int) -> Message:
    """A reaction; an empty emoji takes it back."""
    return {"reactionMessage": {"key": key, "text": emoji, "senderTimestampMS": now * 1000}}


def revoke(key: Message) -> Message:
    """Deletes a message for everybody."""
    return {"protocolMessage": {"key": key, "type": REVOKE}}


def edit(key: Message, text: str, now: int) -> Message:
    """Replaces the text of a message."""
    protocol = {
        "key": key,
        "type": EDIT,
        "editedMessage": {"conversation": text},
        "timestampMS": now * 1000,
    }
    return {"editedMessage": {"message": {"protocolMessage": protocol}}}


def timer(seconds: int, now: int) -> Message:
    """Messages of this chat disappear after so many seconds from now on; 0: never."""
    protocol = {
        "type": EPHEMERAL_SETTING,
        "ephemeralExpiration": seconds,
        "ephemeralSettingTimestamp": now,
    }
    return {"protocolMessage": protocol}


def contacts(cards: list[tuple[str, str]]) -> Message:
    """One contact card, or an array of them; pairs of name and vCard."""
    parts = [{"displayName": name, "vcard": vcard} for name, vcard in cards]
    if len(parts) == 1:
        return {"contactMessage": parts[0]}
    title = f"{len(parts)} contacts"
    return {"contactsArrayMessage": {"displayName": title, "contacts": parts}}


def vcard_of(name: str, number: str) -> str:
    """A card as phones write it; `number` is E.164."""
    lines = (
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"N:;{name};;;",
        f"FN:{name}",
        f"TEL;type=CELL;waid={number.removeprefix('+')}:{number}",
        "END:VCARD",
    )
    return "\n".join(lines)


def with_context(message: Message, info: Mapping[str, Any]) -> Message:
    """The message with reply, mentions, forwarding or timer; a bare text becomes an extended one.

    Types that have no place for it (reactions, votes, edits) stay as they are.
    """
    if not info:
        return message
    if "conversation" in message:
        text = {"text": message["conversation"], "contextInfo": dict(info)}
        rest = {name: value for name, value in message.items() if name != "conversation"}
        return {"extendedTextMessage": text, **rest}
    return {
        name: {**part, "contextInfo": dict(info)} if _has_context(name) else part
        for name, part in message.items()
    }


def _has_context(field: str) -> bool:
    return "contextInfo" in SHAPES.get(SHAPES["Message"][field].kind, {})


def view_once(message: Message) -> Message:
    """The message in the wrapper that lets it be seen once; audio has a wrapper of its own."""
    marked = {
        name: {**part, "viewOnce": True} if name in FILE_FIELDS.values() else part
        for name, part in message.items()
    }
    audio = "audioMessage" in message
    wrapper = "viewOnceMessageV2Extension" if audio else "viewOnceMessageV2"
    return {wrapper: {"message": marked}}


def ephemeral(message: Message) -> Message:
    """The message in the wrapper of chats whose messages disappear; its secret stays outside."""
    inner = {name: part for name, part in message.items() if name != "messageContextInfo"}
    context = {name: part for name, part in message.items() if name == "messageContextInfo"}
    return {"ephemeralMessage": {"message": inner}, **context}


def raw_field(number: int, value: bytes) -> bytes:
    """A message with one field that clients may not know, encoded."""
    return protobuf.encode([(number, value)])
