"""Put a message into the queue, or take it back. It is durable when this returns."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from accounts import preferences, quotas
from accounts.models import WhatsAppAccount
from sessions_mgr.engines.base import Party

from .. import chats, people
from ..media import extensions, names
from ..models import Chat, Direction, Media, MediaState, Message, Outgoing, Pacing, Upload
from ..statuses import Status
from . import fetching, files, settling, voice, wakeups
from .errors import MediaProblem
from .fields import Invalid
from .recipients import USER_SERVER
from .requests import OPERATIONS, Order

DEADLOCK = "40P01"  # PostgreSQL's word for it
EDIT_WINDOW = timedelta(minutes=15)
REVOKE_WINDOW = timedelta(hours=60)
EDITABLE = frozenset({"text", "image", "video", "document"})  # polls and places only have a name


class KeyReused(Exception):
    """This idempotency key was already used for a different message."""


class NotQueued(Exception):
    """The message is no longer queued; `status` says where it is."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


def enqueue(
    *, account: WhatsAppAccount, order: Order, by: str, key: str | None = None
) -> tuple[Message, bool]:
    """The message for this order and whether this call made it. At most one per key. `by`: who
    asks, as the audit log names them.

    The unique constraint, not the look before, is what makes that true under a race.
    Invalid when the order names something that does not exist or cannot be sent; KeyReused.
    """
    fingerprint = order.fingerprint()
    if key is not None and (known := _known(account, key, fingerprint)):
        return known, False
    message_id, media_id = uuid4(), uuid4()
    kept = ""
    try:
        media = _media(account, order, media_id)
        if media is not None:
            kept = str(media.file)
        write = functools.partial(_write, account, order, by, key, fingerprint, message_id, media)
        message = _once_more(write, unless=lambda: key and _known(account, key, fingerprint))
    except IntegrityError:
        _drop(kept)
        if key is None or (known := _known(account, key, fingerprint)) is None:
            raise
        return known, False
    except BaseException:
        _drop(kept)
        raise
    wakeups.announce(account.pk)
    return message, True


def _once_more(write: Callable[[], Message], *, unless: Callable[[], Any]) -> Message:
    """Where two chats become one at this moment, ours may be the one that goes, or we and others
    wait for each other until the database ends one of us: look again."""
    try:
        with transaction.atomic():
            return write()
    except IntegrityError:
        if unless():
            raise
    except OperationalError as exc:
        if getattr(exc.__cause__, "sqlstate", "") != DEADLOCK:
            raise
    with transaction.atomic():
        return write()


def cancel(*, message: Message) -> Message:
    """Take back a queued message; again is no error. NotQueued when a worker has it already."""
    if not settling.cancelled(message.pk, at=timezone.now()):
        status = Message.objects.values_list("status", flat=True).get(pk=message.pk)
        if status != Status.CANCELLED:
            raise NotQueued(status)
    message.refresh_from_db()
    return message


def _known(account: WhatsAppAccount, key: str, fingerprint: str) -> Message | None:
    found = (
        Outgoing.objects.filter(account=account, idempotency_key=key)
        .select_related("message__account")
        .first()
    )
    if found is None:
        return None
    if found.fingerprint != fingerprint:
        raise KeyReused(key)
    return found.message


def _write(
    account: WhatsAppAccount,
    order: Order,
    by: str,
    key: str | None,
    fingerprint: str,
    message_id: UUID,
    media: Media | None,
) -> Message:
    now = timezone.now()
    target = _message(account, order.target, "message_id") if order.target else None
    quoted = _message(account, order.reply_to, "reply_to") if order.reply_to else None
    chat = _chat(account, order, target)
    if target is not None:
        _check_target(order, target, chat, now)
    message = Message.objects.create(
        id=message_id,
        account=account,
        direction=Direction.OUT,
        chat=chats.describe(chat),
        # What changes a message is none of the conversation's messages itself.
        chat_row=None if order.type in OPERATIONS else chat,
        sender=_us(account),
        sender_contact=people.known(account, _our_party(account)),
        type=order.type,
        text=order.text,
        content=_content(order, target, quoted),
        timestamp=now,
        status=Status.QUEUED,
        status_at=now,
        sent_by=by[:200],
    )
    if media is not None:
        media.message = message
        media.save(force_insert=True)
        if media.state == MediaState.STORED:
            quotas.check_media(account.workspace, media.size)
    source = order.source
    # In this transaction: a message that is not queued after all is not counted.
    quotas.take_message(account.workspace)
    Outgoing.objects.create(
        message=message,
        account=account,
        lane=chat.jid,
        request={
            "to": _address(chat),
            "url": source.url if source else "",
            "upload_id": source.upload_id if source else "",
            "filename": order.filename,
            "target": str(target.pk) if target else "",
            "reply_to": str(quoted.pk) if quoted else "",
            "expires_in": order.expires_in,
        },
        idempotency_key=key,
        fingerprint=fingerprint,
        created_at=now,
        expires_at=now + timedelta(seconds=order.expires_in),
        not_before=now,
        new_chat=_is_new(chat, message),
    )
    wishes = functools.partial(preferences.of, account.workspace_id)
    begins_with: dict[str, Any] = {  # asked for with the first message only
        "min_gap_ms": lambda: wishes().pacing_min_gap_ms,
        "new_chats_per_hour": lambda: wishes().pacing_new_chats_per_hour,
    }
    Pacing.objects.get_or_create(account=account, defaults=begins_with)
    return message


def _chat(account: WhatsAppAccount, order: Order, target: Message | None) -> Chat:
    if order.to.startswith("chat:"):
        chat = Chat.objects.filter(account=account, pk=int(order.to[5:])).first()
        if chat is None:
            raise Invalid("to", "this account has no such chat", code="invalid_recipient")
    elif order.to:
        chat = chats.of(account, Party(jid=order.to, type=chats.type_of(order.to)))
    elif target is not None:
        said = target.chat
        chat = target.chat_row or chats.of(
            account, Party(said["jid"], said.get("lid", ""), type=said.get("type", "user"))
        )
    else:
        raise Invalid("to", "it is missing")
    if chat is None or chat.type not in ("user", "group"):
        raise Invalid("to", "messages go to people and groups only", code="invalid_recipient")
    return chat


def _address(chat: Chat) -> str:
    """The phone number's JID where it is known, else the LID; the engine resolves the rest."""
    return chat.jid


def _message(account: WhatsAppAccount, reference: str, field: str) -> Message:
    """A message of this account by our id or WhatsApp's."""
    known = Message.objects.filter(account=account).select_related("chat_row")
    try:
        found = known.filter(pk=UUID(reference)).first()
    except ValueError:
        found = known.filter(wa_id=reference).first()
    if found is None:
        raise Invalid(field, "this account has no such message", code="unknown_message")
    if found.type in OPERATIONS:
        raise Invalid(field, f"this is a {found.type}, not a message", code="unknown_message")
    if found.wa_id is None and found.status in (Status.FAILED, Status.CANCELLED):
        raise Invalid(field, f"that message is {found.status}", code="target_not_sent")
    return found


def _check_target(order: Order, target: Message, chat: Chat, now: datetime) -> None:
    if target.chat_row_id != chat.pk:
        raise Invalid("to", "the message is in another chat; leave out `to`")
    ours = target.direction == Direction.OUT
    if target.revoked_at is not None:
        raise Invalid("message_id", "the message was deleted", code="message_revoked")
    if order.type == "edit":
        if not ours or target.type not in EDITABLE or not target.text:
            raise Invalid("message_id", "only texts of our own can be edited", code="not_editable")
        _check_age(target, EDIT_WINDOW, now)
    if order.type == "revoke":
        if not ours and chat.type != "group":
            raise Invalid("message_id", "only our own messages can be deleted", code="not_ours")
        _check_age(target, REVOKE_WINDOW, now)


def _check_age(target: Message, window: timedelta, now: datetime) -> None:
    if now - target.timestamp > window:
        hours = window.total_seconds() / 3600
        raise Invalid(
            "message_id", f"WhatsApp allows this for {hours:g} h only", code="message_too_old"
        )


def _content(order: Order, target: Message | None, quoted: Message | None) -> dict[str, object]:
    content: dict[str, object] = dict(order.content)
    if target is not None:
        content["target"] = {"message_id": str(target.pk), "wa_id": target.wa_id}
    if quoted is not None:
        content["quoted"] = {
            "wa_id": quoted.wa_id or "",
            "sender_jid": quoted.sender.get("jid") or quoted.sender.get("lid") or "",
            "text": quoted.text[:1_000],
        }
    return content


def _our_party(account: WhatsAppAccount) -> Party:
    return Party(
        jid=account.jid or "",
        lid=account.lid or "",
        phone_number=account.phone_number or "",
        push_name=account.push_name,
    )


def _us(account: WhatsAppAccount) -> dict[str, str]:
    return people.as_said(_our_party(account))


def _is_new(chat: Chat, message: Message) -> bool:
    """Nobody has said anything in this chat yet, and nothing waits to be said."""
    return not Message.objects.filter(chat_row=chat).exclude(pk=message.pk).exists()


# Files -------------------------------------------------------------------------------------------


def _media(account: WhatsAppAccount, order: Order, media_id: UUID) -> Media | None:
    """The unsaved row of this order's file. What is here already is examined and kept at once."""
    if order.source is None:
        return None
    media = Media(
        id=media_id,
        account=account,
        direction=Direction.OUT,
        mime_type=extensions.UNKNOWN,  # until the file is here
        filename=names.clean(order.filename, names.plain_type(""), fallback=order.type),
        raw_filename=order.filename,
    )
    try:
        if order.source.url:
            fetching.check(order.source.url, allow_private=settings.OUTBOUND_MEDIA_ALLOW_PRIVATE)
        elif order.source.upload_id:
            upload = _upload(account, order.source.upload_id)
            _check_upload(order.type, upload)
            quotas.check_room(account.workspace_id, upload.size)  # the message has its own copy
        else:
            _examine_and_fill(media, order)
    except MediaProblem as exc:
        name = "url" if order.source.url else "upload_id" if order.source.upload_id else "base64"
        raise Invalid(f"media.{name}", exc.detail, code=exc.code) from None
    return media


def _examine_and_fill(media: Media, order: Order) -> None:
    assert order.source is not None
    with tempfile.TemporaryDirectory(prefix="switchboard-out-") as folder:
        path = Path(folder) / "file"
        path.write_bytes(order.source.data)
        examined = files.examine(
            path,
            kind=order.type,
            filename=order.filename,
            most=settings.MEDIA_MAX_BYTES,
            ffmpeg=voice.find_ffmpeg(),
        )
        fill(media, examined)


def _upload(account: WhatsAppAccount, upload_id: str) -> Upload:
    found = Upload.objects.filter(
        pk=upload_id, workspace_id=account.workspace_id, expires_at__gt=timezone.now()
    ).first()
    if found is None:
        raise Invalid(
            "media.upload_id",
            "there is no such upload, or it has expired; POST /uploads again",
            code="unknown_upload",
        )
    return found


def _check_upload(kind: str, upload: Upload) -> None:
    with upload.file.open("rb") as file:
        files.expect(kind, file.read(64))
    if upload.size > files.most_bytes(kind, settings.MEDIA_MAX_BYTES):
        raise MediaProblem("media_too_large", f"The file is too large for type {kind}.")


def fill(media: Media, examined: files.Examined) -> list[str]:
    """Store the examined file and note all about it. The names of the fields that were set."""
    name = files.name_for(account_id=media.account_id, media_id=media.pk)
    media.file.name = files.keep(examined.path, name)
    media.mime_type = examined.mime_type.partition(";")[0]
    media.raw_mime_type = examined.mime_type
    media.filename = examined.filename
    media.size, media.sha256 = examined.size, examined.sha256
    media.width, media.height = examined.width, examined.height
    media.duration, media.waveform = examined.duration, examined.waveform
    media.animated = examined.animated
    media.thumbnail, media.thumbnail_size = examined.thumbnail, len(examined.thumbnail)
    media.state, media.stored_at = MediaState.STORED, timezone.now()
    return [
        *("file", "mime_type", "raw_mime_type", "filename", "size", "sha256", "width", "height"),
        *("duration", "waveform", "animated", "thumbnail", "thumbnail_size", "state", "stored_at"),
    ]


def _drop(name: str) -> None:
    """A file whose row was not written."""
    if name:
        files.storage().delete(name)


def needs_number_check(chat: Chat) -> bool:
    """A person whose number was never seen on WhatsApp: no LID, and nothing ever came or went."""
    if chat.type != "user" or not chat.jid.endswith(f"@{USER_SERVER}") or chat.lid:
        return False
    return not Message.objects.filter(chat_row=chat, wa_id__isnull=False).exists()
