"""Receipts: our own messages move forward; what was read on the phone is no longer unread here."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from django.db import transaction

from accounts.models import WhatsAppAccount
from events import types
from sessions_mgr.engines import base

from .. import chats, people
from ..models import Direction, Message, Receipt
from ..moments import moment
from ..outbox import settling
from ..statuses import BEFORE, Status, is_further
from . import held
from .telling import tell

AT_ONCE = 500  # messages looked up by one query


def received(account: WhatsAppAccount, fact: base.ReceiptReceived, at: datetime) -> None:
    """One event per message that the receipt brought further, or that we do not know."""
    if fact.status not in BEFORE:
        return
    chat, sender = chats.shown(account, fact.chat), people.shown(account, fact.sender)
    when = moment(fact.timestamp)
    for start in range(0, len(fact.wa_ids), AT_ONCE):
        wa_ids = fact.wa_ids[start : start + AT_ONCE]
        known = (
            Message.objects.readable()
            .select_related("chat_row")
            .filter(account=account, wa_id__in=wa_ids)
        )
        rows = {message.wa_id: message for message in known}
        for wa_id in dict.fromkeys(wa_ids):
            message = rows.get(wa_id)
            if message is None:
                held.await_senders(account)
                message = known.filter(wa_id=wa_id).first()
            if message is None and settling.claim_receipt(account, fact, wa_id):
                message = known.filter(wa_id=wa_id).first()
            if message is None:
                one = dataclasses.replace(fact, wa_ids=[wa_id])
                news = held.hold(account, wa_id, _key(fact, sender), one)
            else:
                news = advance(account, message, fact)
            if news:
                tell(
                    account,
                    types.MESSAGE_ACK,
                    when,
                    {
                        "message_id": str(message.pk) if message else None,
                        "wa_id": wa_id,
                        "status": fact.status,
                        "chat": chat,
                        "sender": sender,
                    },
                )


def _key(fact: base.ReceiptReceived, sender: dict[str, str]) -> str:
    return f"{fact.kind}:{fact.status}:{sender['lid'] or sender['jid']}"


@held.applies(base.ReceiptReceived)
def advance(account: WhatsAppAccount, message: Message, fact: base.ReceiptReceived) -> bool:
    """False when the message was there already."""
    when = moment(fact.timestamp)
    if message.direction == Direction.IN:
        return _read_by_us(message, fact.status, when)
    private = fact.chat.type == "user"
    if people.is_us(account, fact.sender) and not (private and people.is_us(account, fact.chat)):
        return False  # another device of ours has it; nobody else does yet
    moved = message.advance(fact.status, when)
    if private:
        return moved
    return _count(account, message, fact, when) or moved


def _read_by_us(message: Message, status: str, when: datetime) -> bool:
    """On another of our devices. That it was delivered there says nothing about us."""
    if status not in (Status.READ, Status.PLAYED) or not message.advance(status, when):
        return False
    if message.chat_row is not None:
        chats.mark_read(message.chat_row, message.timestamp)
    return True


def _count(
    account: WhatsAppAccount, message: Message, fact: base.ReceiptReceived, when: datetime
) -> bool:
    """In a group each person is counted once, by how far the message came with them."""
    person = people.of(account, fact.sender)
    if person is None:
        return False
    with transaction.atomic():
        receipt, created = Receipt.objects.get_or_create(
            message=message, person=person, defaults={"status": fact.status, "at": when}
        )
    if created:
        return True
    if not is_further(fact.status, receipt.status):
        return False
    moved = Receipt.objects.filter(pk=receipt.pk, status=receipt.status).update(
        status=fact.status, at=when
    )
    return bool(moved)
