"""What an operator types below a conversation, and how it becomes an order of the outbox.

The same way as POST /accounts/{id}/messages: requests.parse decides, orders.enqueue stores. A file
is kept as an upload before anything is checked, so that no answer loses it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import WhatsAppAccount
from accounts.quotas import MEDIA, QuotaExceeded
from accounts.storage_errors import StorageFailed
from messaging.models import Chat, Message, Upload
from messaging.outbox import orders, requests, sniffing, uploads
from messaging.outbox.errors import MediaProblem
from messaging.outbox.fields import Invalid

from .bubbles import name_of
from .message_words import told
from .stored_words import in_words

logger = logging.getLogger(__name__)

WITH_CAPTION = frozenset({"image", "video", "document"})
CHOICES = ("", "voice", "document", "sticker")  # how a file is sent; empty: by what it is
# Fields of an order, by the field of the form that shows what is wrong with it.
PLACES = {"media": "file", "filename": "file", "reply_to": "reply", "message_id": "reply"}


@dataclass(slots=True)
class Composer:
    """The form as it is shown. `key` makes a form that is sent twice one message."""

    text: str = ""
    upload: Upload | None = None
    send_as: str = ""
    reply: Message | None = None
    key: str = field(default_factory=lambda: str(uuid4()))
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def reply_words(self) -> str:
        if self.reply is None:
            return ""
        return told({"type": self.reply.type, "text": self.reply.text})

    @property
    def reply_to(self) -> str:
        return name_of(self.reply) if self.reply and self.reply.direction == "in" else ""


def expiry() -> datetime:
    """Until when a message that is sent now waits for a connection."""
    return timezone.now() + timedelta(seconds=requests.EXPIRES_DEFAULT)


def blank(chat: Chat, *, reply: str = "") -> Composer:
    return Composer(reply=message_of(chat, reply))


def message_of(chat: Chat, text: str) -> Message | None:
    """A message of this chat by our id."""
    pk = _uuid(text)
    return chat.messages.select_related("sender_contact").filter(pk=pk).first() if pk else None


def read(request: HttpRequest, chat: Chat) -> Composer:
    """What was typed. A file that came along is stored, or its error noted."""
    posted = request.POST
    made = Composer(
        text=posted.get("text", "").replace("\r\n", "\n"),
        upload=_upload(chat, posted.get("upload_id", "")),
        send_as=posted.get("send_as", "") if posted.get("send_as") in CHOICES else "",
        reply=message_of(chat, posted.get("reply_to", "")),
        key=str(_uuid(posted.get("key", "")) or uuid4()),
    )
    if posted.get("remove_file"):
        made.upload = None
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile):
        try:
            made.upload = uploads.keep(
                workspace=chat.account.workspace, file=file, most=settings.MEDIA_MAX_BYTES
            )
        except MediaProblem as exc:
            made.errors["file"] = in_words(exc.detail)
        except QuotaExceeded as exc:
            made.errors["file"] = str(exc)
        except StorageFailed as exc:
            made.errors["file"] = _not_kept(exc)
    return made


def send(account: WhatsAppAccount, chat: Chat, composer: Composer, *, by: str) -> Message | None:
    """Put it into the queue. None when something is wrong: then `composer.errors` says what."""
    if composer.errors:
        return None
    if composer.upload is None and not composer.text.strip():
        composer.errors["text"] = _("Type a message or attach a file.")
        return None
    kind = kind_of(composer.upload, composer.send_as) if composer.upload else "text"
    if composer.text.strip() and kind not in WITH_CAPTION | {"text"}:
        composer.errors["text"] = _("This kind of file takes no text. Send the text by itself.")
        return None
    return order(
        account,
        _body(chat, composer),
        composer.errors,
        by=by,
        key=f"console:{composer.key}",
    )


def order(
    account: WhatsAppAccount,
    body: dict[str, Any],
    errors: dict[str, str],
    *,
    by: str,
    key: str | None = None,
) -> Message | None:
    """One order of the outbox; None with an error by field."""
    try:
        message, _created = orders.enqueue(
            account=account, order=requests.parse(body), by=by, key=key
        )
    except Invalid as exc:
        name = exc.field.partition(".")[0]
        errors[PLACES.get(name, "text")] = in_words(f"{exc.detail[:1].upper()}{exc.detail[1:]}.")
    except QuotaExceeded as exc:
        errors["file" if exc.quota == MEDIA else "text"] = str(exc)
    except StorageFailed as exc:
        errors["file"] = _not_kept(exc)
    except orders.KeyReused:  # an old form, filled in anew: another message
        return order(account, body, errors, by=by)
    else:
        return message
    return None


def kind_of(upload: Upload, send_as: str) -> str:
    """The type of message that this file becomes."""
    if send_as:
        return send_as
    if upload.mime_type in sniffing.IMAGES:
        return "image"
    if upload.mime_type in sniffing.VIDEOS:
        return "video"
    return "audio" if upload.mime_type in sniffing.AUDIO else "document"


def _body(chat: Chat, composer: Composer) -> dict[str, Any]:
    body: dict[str, Any] = {"to": f"chat:{chat.pk}"}
    if composer.reply is not None:
        body["reply_to"] = str(composer.reply.pk)
    if composer.upload is None:
        return body | {"type": "text", "text": composer.text}
    kind = kind_of(composer.upload, composer.send_as)
    body |= {
        "type": kind,
        "media": {"upload_id": str(composer.upload.pk)},
        "filename": composer.upload.filename,
    }
    if kind in WITH_CAPTION and composer.text.strip():
        body["caption"] = composer.text
    return body


def _upload(chat: Chat, text: str) -> Upload | None:
    pk = _uuid(text)
    if pk is None:
        return None
    return Upload.objects.filter(
        pk=pk, workspace_id=chat.account.workspace_id, expires_at__gt=timezone.now()
    ).first()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _not_kept(exc: StorageFailed) -> str:
    logger.error("a file could not be kept: %s", exc)
    return _("The storage for files does not answer. Nothing was sent; try again in a moment.")
