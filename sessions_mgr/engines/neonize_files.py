"""The file that a message carries, and the locator with which it can be fetched later. Pure.

A locator is base64 of a waE2E.Message that holds one media message with nothing in it but what a
download takes: address, keys, hashes, length and type.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from . import base

THUMBNAIL_BYTES = 48 * 1024  # larger ones are left out: a fact has to fit the bus
WAVEFORM_BYTES = 256
NAME_CHARACTERS = 1024
LOCATOR_CHARACTERS = 16 * 1024

# Which field of waE2E.Message holds which of our types.
MEDIA_FIELDS = {
    "imageMessage": "image",
    "videoMessage": "video",
    "ptvMessage": "video",  # a round video note
    "audioMessage": "audio",
    "documentMessage": "document",
    "stickerMessage": "sticker",
}
_FETCH = (
    "URL",
    "directPath",
    "mediaKey",
    "fileSHA256",
    "fileEncSHA256",
    "fileLength",
    "mimetype",
    "mediaKeyTimestamp",
)


class LocatorInvalid(ValueError):
    """This is no locator that this engine made."""


def media_ref(message: Any, field: str) -> base.MediaRef:
    """What we say of the file in `field` of a waE2E.Message."""
    media = getattr(message, field)
    return base.MediaRef(
        locator=_locator(message, field),
        mime_type=media.mimetype[:NAME_CHARACTERS],
        filename=_text(media, "fileName") or _text(media, "title"),
        size=min(media.fileLength, 2**53),
        sha256=media.fileSHA256[:64].hex(),
        width=_number(media, "width"),
        height=_number(media, "height"),
        duration=float(_number(media, "seconds")),
        thumbnail=_thumbnail(media),
        waveform=_waveform(media),
        animated=bool(getattr(media, "isAnimated", False) or getattr(media, "gifPlayback", False)),
    )


def read_locator(message_class: Any, locator: str) -> Any:
    """The waE2E.Message to download from. Raises LocatorInvalid."""
    try:
        message = message_class.FromString(base64.b64decode(locator, validate=True))
    except Exception as exc:  # protobuf's DecodeError, without importing protobuf
        raise LocatorInvalid("not a locator of this engine") from exc
    fields = [f.name for f, _ in message.ListFields()]
    if len(fields) != 1 or fields[0] not in MEDIA_FIELDS:
        raise LocatorInvalid("a locator names one file")
    return message


def size_of(message: Any) -> int:
    """How long the file of a locator is said to be, in bytes; 0 when that is not said."""
    (field, media) = message.ListFields()[0]
    del field
    return int(media.fileLength)


def decoded(text: str) -> bytes:
    """base64 from an order; empty for what is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _locator(message: Any, field: str) -> str:
    source = getattr(message, field)
    # A round video is fetched as a video; DownloadAny knows no other.
    target_field = "videoMessage" if field == "ptvMessage" else field
    stripped = type(message)()
    target = getattr(stripped, target_field)
    target.SetInParent()
    for name in _FETCH:
        if source.HasField(name):
            setattr(target, name, getattr(source, name))
    encoded = base64.b64encode(stripped.SerializeToString()).decode()
    return encoded if len(encoded) <= LOCATOR_CHARACTERS else ""


def _thumbnail(media: Any) -> str:
    thumbnail: bytes = getattr(media, "JPEGThumbnail", b"")
    return base64.b64encode(thumbnail).decode() if len(thumbnail) <= THUMBNAIL_BYTES else ""


def _waveform(media: Any) -> str:
    waveform: bytes = getattr(media, "waveform", b"")
    return base64.b64encode(waveform[:WAVEFORM_BYTES]).decode()


def _text(media: Any, name: str) -> str:
    return str(getattr(media, name, ""))[:NAME_CHARACTERS]


def _number(media: Any, name: str) -> int:
    return int(getattr(media, name, 0))
