"""Sends messages and moves files through neonize.

neonize 0.5.2's SendMessage takes a recipient and a message, and no id: whatsmeow makes one up. What
tells a message apart is the secret of 32 bytes that phones put into most messages: whatsmeow stores
it under the message's id before it sends (neonize_secrets.py reads it after a crash).
"""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import Any

from . import base, neonize_secrets
from .neonize_access import Access
from .neonize_building import MEDIA, STANDALONE, build
from .neonize_errors import send_error
from .neonize_files import LocatorInvalid, read_locator, size_of
from .neonize_parties import jid_text, party

# neonize's numbers for whatsmeow's kinds of files.
_UPLOAD_KINDS = {"image": 0, "sticker": 0, "video": 1, "audio": 2, "voice": 2, "document": 3}
_TOO_LATE = (405, 406, 479)  # errors with which WhatsApp refuses an edit or a revocation


class NeonizeMessages:
    def __init__(self, access: Access, store: Path | None) -> None:
        """`store`: whatsmeow's SQLite file, or None when it has another."""
        self._access = access
        self._store = store
        self._enums = importlib.import_module("neonize.utils.enum")

    def send(self, order: base.Order) -> base.Sent:
        self._access.require_login()
        to = self._access.address(order.to)
        message = self._access.neonize.Message()
        kind = str(order.content.get("type", ""))
        build(message, order.content, chat=jid_text(to), upload=self._upload(kind, order.file))
        if order.secret and kind in STANDALONE:
            message.messageContextInfo.messageSecret = order.secret
        try:
            sent = self._access.call(
                "send_message", to, message, otherwise="send_failed", error=send_error
            )
        except base.EngineError as exc:
            raise self._in_context(exc, order, to) from exc
        return base.Sent(
            wa_id=sent.ID,
            timestamp=_seconds(sent.Timestamp),
            chat=party(to, self._access.hidden_id(to)),
        )

    def download(self, locator: str, into: Path, max_bytes: int) -> None:
        try:
            message = read_locator(self._access.neonize.Message, locator)
        except LocatorInvalid as exc:
            raise base.EngineError("invalid_locator", str(exc)) from exc
        if size_of(message) > max_bytes:
            raise base.EngineError("media_too_large", f"the file has {size_of(message)} bytes")
        data = self._access.call("download_any", message, otherwise="download_failed")
        if len(data) > max_bytes:
            raise base.EngineError("media_too_large", f"the file has {len(data)} bytes")
        into.write_bytes(data)

    def _upload(self, kind: str, file: Path | None) -> Any:
        """neonize's answer to the upload, or None for a message without a file."""
        if kind not in MEDIA or file is None:
            return None
        media_type = self._enums.MediaType(_UPLOAD_KINDS[kind])  # without one: libmagic
        return self._access.call("upload", file.read_bytes(), media_type, otherwise="upload_failed")

    def _in_context(self, error: base.EngineError, order: base.Order, to: Any) -> base.EngineError:
        """What an error means for this message; and what it means for the account is a fact."""
        if error.code == "reachout_timelock":
            self._access.report(base.Restricted(code=error.code, detail=str(error)))
        if error.code == "unknown_outcome" and self._store is not None and order.secret:
            wa_id = neonize_secrets.id_while_running(self._store, order.secret)
            return base.EngineError(error.code, str(error), **({"wa_id": wa_id} if wa_id else {}))
        refused = error.extra.get("whatsapp_error")
        if order.content.get("type") in ("edit", "revoke") and refused in _TOO_LATE:
            return base.EngineError("message_too_old", str(error), **error.extra)
        if to.Server == "g.us" and error.code in ("not_found", "not_allowed"):
            return base.EngineError("not_a_member", str(error), **error.extra)
        return error


def _seconds(timestamp: int) -> float:
    """WhatsApp's time of a message; neonize gives some in milliseconds, and none as zero."""
    if timestamp <= 0:
        return time.time()
    return timestamp / 1000 if timestamp > 10**11 else float(timestamp)
