"""Messages: stored once, with chat, sender and file; placeholders for those nobody can read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.models import WhatsAppAccount
from events import types
from sessions_mgr.engines import base

from .. import chats, enrichment, people
from ..descriptions import describe
from ..media import rows as media
from ..models import UNDECRYPTABLE, Chat, Contact, Direction, Message
from ..moments import moment
from ..outbox import settling
from ..statuses import Status
from . import held
from .telling import tell


def received(account: WhatsAppAccount, fact: base.MessageReceived, at: datetime) -> None:
    """A row, and an event unless it is history. A message that we have changes nothing."""
    if _is_an_echo(account, fact):
        return
    trusted = not fact.history
    chat = chats.of(account, fact.chat, trusted=trusted)
    sender = people.of(account, fact.sender, trusted=trusted)
    values = _values(account, fact, chat, sender)
    message, created = Message.objects.get_or_create(
        account=account, wa_id=fact.wa_id[:120], defaults=values
    )
    if created:
        tells = not fact.history
    elif message.type == UNDECRYPTABLE:
        # Recovered by a retry, or by the phone's history: it was announced, so now it is told.
        _fill(message, {**values, "history": False})
        tells = True
    elif message.history and not fact.history and _was_said_now(message):
        tells = True
    else:
        return
    if fact.media is not None:
        media.expect(message, fact.media)
    fresh = not held.release(account, message) and created
    if not fresh:
        message = Message.objects.whole().get(pk=message.pk)
    if chat is not None:
        chats.note(chat, message)
        _note_timer(chat, message)
    if tells:
        tell(account, types.MESSAGE, message.timestamp, describe(message, fresh=fresh))
        if sender is not None and not fact.from_me:
            enrichment.want(sender)


def _is_an_echo(account: WhatsAppAccount, fact: base.MessageReceived) -> bool:
    """Whether this is our own message whose answer is still missing; the outbox has settled it."""
    if not fact.from_me or fact.history:
        return False
    if Message.objects.filter(account=account, wa_id=fact.wa_id[:120]).exists():
        return False
    return settling.claim_echo(account, fact) is not None


def _note_timer(chat: Chat, message: Message) -> None:
    """A chat of two can begin with a timer that is told with its messages only. Groups' are not
    for each member to set, and a time to come would shut out every later word."""
    since = message.content.get("expires_since")
    if chat.type != "user" or not isinstance(since, int | float):
        return
    if (set_at := moment(since)) <= message.timestamp:
        chats.set_timer(chat, message.content.get("expires_in"), set_at)


def undecryptable(account: WhatsAppAccount, fact: base.Undecryptable, at: datetime) -> None:
    """A placeholder that the message fills if it ever can be read. Known ones are all right."""
    chat = chats.of(account, fact.chat)
    sender = people.of(account, fact.sender)
    when = moment(fact.timestamp)
    message, created = Message.objects.get_or_create(
        account=account,
        wa_id=fact.wa_id[:120],
        defaults={
            "direction": Direction.OUT if people.is_us(account, fact.sender) else Direction.IN,
            "chat": chats.as_said(fact.chat),
            "chat_row": chat,
            "sender": people.as_said(fact.sender),
            "sender_contact": sender,
            "type": UNDECRYPTABLE,
            "timestamp": when,
        },
    )
    if not created:
        return
    tell(
        account,
        types.MESSAGE_GAP if fact.detail == base.SEEN_BEFORE else types.MESSAGE_UNDECRYPTABLE,
        when,
        {
            "message_id": str(message.pk),
            "wa_id": fact.wa_id,
            "chat": chats.describe(chat, chats.as_said(fact.chat)),
            "sender": people.describe(sender, people.as_said(fact.sender)),
            "detail": fact.detail,
        },
    )


def _values(
    account: WhatsAppAccount,
    fact: base.MessageReceived,
    chat: Chat | None,
    sender: Contact | None,
) -> dict[str, Any]:
    when = moment(fact.timestamp)
    return {
        "direction": Direction.OUT if fact.from_me else Direction.IN,
        "chat": chats.as_said(fact.chat),
        "chat_row": chat,
        "sender": people.as_said(fact.sender),
        "sender_contact": sender,
        "type": fact.type[:24] or "unsupported",
        "raw_type": fact.raw_type[:80],
        "text": fact.text,
        "content": fact.content,
        "timestamp": when,
        "history": fact.history,
        "status": Status.SENT if fact.from_me else Status.RECEIVED,
        "status_at": when,
    }


def _fill(message: Message, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(message, name, value)
    message.save(update_fields=list(values))


def _was_said_now(message: Message) -> bool:
    """History had brought it before it arrived: it is news all the same, once."""
    moved = Message.objects.filter(pk=message.pk, history=True).update(history=False)
    message.history = False
    return bool(moved)
