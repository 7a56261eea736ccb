"""One file from WhatsApp into the storage: through its worker, in chunks, verified. Blocking.

The worker fetches and decrypts, as only it has the line; we read the result piece by piece into a
temporary file, compare size and hash, and then hand it to the storage. Nothing is kept in memory.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import tempfile
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files import File

from accounts.storage_errors import storage_errors
from sessions_mgr import commands

from ..models import Direction, Media
from ..models.media import media_storage
from . import schedule, thumbnails
from .claims import Fetched, Refused

logger = logging.getLogger(__name__)


def fetch(file: Media, *, clock: Callable[[], float] = time.monotonic) -> Fetched:
    """The file, stored and verified. Refused says why not; nothing is left behind then."""
    end = clock() + schedule.DEADLINE
    media_id = str(file.pk)
    try:
        args = {
            "media_id": media_id,
            "locator": file.locator,
            "max_bytes": settings.MEDIA_MAX_BYTES,
        }
        said = commands.ask(file.account, "download_begin", args, schedule.BEGIN_TIMEOUT)
        try:
            with tempfile.TemporaryFile(prefix="switchboard-media-") as copy:
                digest = _copy(file, copy, lambda: clock() > end)
                return _keep(file, copy, digest, said)
        finally:
            _end(file)
    except commands.CommandFailed as exc:
        raise Refused(exc.code, exc.detail) from exc


def renewed_locator(file: Media) -> str:
    """WhatsApp has it no more, but the phone may: where its new copy is. Empty when the engine
    cannot ask, or the phone has no answer."""
    try:
        health = commands.ask(file.account, "health", {}, commands.HEALTH_TIMEOUT)
        if not health.get("capabilities", {}).get("media_retry"):
            return ""
        message = file.message
        args = {
            "locator": file.locator,
            "wa_id": message.wa_id,
            "chat": message.chat.get("jid", ""),
            "sender": message.sender.get("jid", ""),
            "from_me": message.direction == Direction.OUT,
        }
        answer = commands.ask(file.account, "media_retry", args, schedule.RENEW_TIMEOUT)
    except commands.CommandFailed as exc:
        logger.info("the phone was not asked for a file: %s", exc.detail)
        return ""
    return str(answer.get("locator") or "")


def _copy(file: Media, copy: BinaryIO, is_late: Callable[[], bool]) -> str:
    """Everything that the worker has of it. The hex SHA-256."""
    digest, offset = hashlib.sha256(), 0
    while True:
        if is_late():
            raise Refused("too_slow", f"The file took more than {schedule.DEADLINE:g} s.")
        args = {"media_id": str(file.pk), "offset": offset, "length": schedule.CHUNK}
        chunk = commands.ask(file.account, "download_chunk", args, schedule.CHUNK_TIMEOUT)
        data = _bytes(chunk)
        offset += len(data)
        if offset > settings.MEDIA_MAX_BYTES:
            raise Refused(
                "media_too_large", f"The file has more than {settings.MEDIA_MAX_BYTES:,} bytes."
            )
        digest.update(data)
        copy.write(data)
        if chunk.get("eof") is True:
            return digest.hexdigest()
        if not data:
            raise Refused("media_corrupt", "The worker sent an empty piece before the end.")


def _bytes(chunk: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(chunk["data"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise Refused("media_corrupt", "The worker sent a piece that is no base64.") from None


def _keep(file: Media, copy: BinaryIO, digest: str, said: dict[str, Any]) -> Fetched:
    size = copy.tell()
    if size != said.get("size") or digest != said.get("sha256"):
        raise Refused("media_corrupt", "What arrived is not what the worker has.")
    if file.sha256 and digest != file.sha256:
        raise Refused("media_corrupt", "The file is not the one that its message names.")
    shown = thumbnails.preview(_rewound(copy)) if file.mime_type.startswith("image/") else None
    try:
        with storage_errors():
            name = media_storage().save(f"{file.account_id}/in/{file.pk}", File(_rewound(copy)))
    except OSError as exc:
        logger.exception("the media storage refused a file", extra={"media": str(file.pk)})
        raise Refused("storage_failed", f"The storage refused the file: {exc}") from exc
    if shown is None:
        return Fetched(name, size, digest)
    return Fetched(name, size, digest, shown.width, shown.height, shown.jpeg)


def _rewound(copy: BinaryIO) -> BinaryIO:
    copy.seek(0)
    return copy


def _end(file: Media) -> None:
    """The worker may remove its copy; it does so by itself when it ends."""
    try:
        commands.ask(
            file.account, "download_end", {"media_id": str(file.pk)}, schedule.CHUNK_TIMEOUT
        )
    except commands.CommandFailed as exc:
        logger.info("a worker keeps a fetched file for now: %s", exc.detail)
