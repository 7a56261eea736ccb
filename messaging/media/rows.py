"""A message with a file: the row that says what is expected, written with the message. No I/O."""

from __future__ import annotations

import base64
import binascii
import re

from django.utils import timezone

from sessions_mgr.engines.base import MediaRef

from ..models import Media, MediaState, Message
from . import names

MOST_THUMBNAIL = 65_536  # bytes; WhatsApp's own have about 1 to 20 kB
JPEG = b"\xff\xd8\xff"
LONGEST_SIDE = 100_000  # pixels; more than that is nonsense
LONGEST_DURATION = 7 * 86_400.0  # seconds


def expect(message: Message, ref: MediaRef) -> Media:
    """The row of this message's file, to be fetched soon. Again changes nothing that is stored."""
    mime_type = names.plain_type(ref.mime_type)
    thumbnail = thumbnail_of(ref.thumbnail)
    values = {
        "account_id": message.account_id,
        "direction": message.direction,
        "mime_type": mime_type,
        "raw_mime_type": ref.mime_type[:200],
        "filename": names.clean(ref.filename, mime_type, fallback=message.type),
        "raw_filename": ref.filename[:300],
        "size": _whole(ref.size, 2**53) or 0,
        "sha256": ref.sha256.lower() if re.fullmatch(r"[0-9a-fA-F]{64}", ref.sha256) else "",
        "width": _whole(ref.width, LONGEST_SIDE),
        "height": _whole(ref.height, LONGEST_SIDE),
        "duration": ref.duration if 0 < ref.duration <= LONGEST_DURATION else None,
        "waveform": ref.waveform[:400],
        "animated": ref.animated,
        "thumbnail": thumbnail,
        "thumbnail_size": len(thumbnail),
        "locator": ref.locator,
        "next_try_at": timezone.now(),
    }
    if not ref.locator:
        values |= {
            "state": MediaState.GONE,
            "error": {
                "code": "no_locator",
                "detail": "The message does not say where its file is.",
            },
        }
    made, _created = Media.objects.get_or_create(message=message, defaults=values)
    return made


def thumbnail_of(text: str) -> bytes:
    """The sender's preview, if it is a small JPEG; else nothing."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if data.startswith(JPEG) and len(data) <= MOST_THUMBNAIL else b""


def _whole(value: int, most: int) -> int | None:
    return int(value) if 0 < value <= most else None
