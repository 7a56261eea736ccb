"""Edits and revokes of a message that was sent. The latest edit counts; a revoke stays."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db.models import Q

from accounts.models import WhatsAppAccount
from events import types
from events.models import rfc3339
from sessions_mgr.engines import base

from ..models import Message
from ..moments import moment
from . import held, targets
from .telling import tell

logger = logging.getLogger(__name__)


def edited(account: WhatsAppAccount, fact: base.MessageEdited, at: datetime) -> None:
    message = targets.find(account, fact)
    if message is None:
        news = held.hold(account, fact.target_wa_id, f"{fact.kind}:{fact.wa_id}", fact)
    else:
        news = edit(account, message, fact)
    if news:
        when = moment(fact.timestamp)
        data = targets.event_data(account, message, fact)
        data |= {"text": fact.text, "timestamp": rfc3339(when)}
        tell(account, types.MESSAGE_EDITED, when, data)


def revoked(account: WhatsAppAccount, fact: base.MessageRevoked, at: datetime) -> None:
    message = targets.find(account, fact)
    if message is None:
        news = held.hold(account, fact.target_wa_id, fact.kind, fact)
    else:
        news = revoke(account, message, fact)
    if news:
        when = moment(fact.timestamp)
        data = targets.event_data(account, message, fact)
        tell(account, types.MESSAGE_REVOKED, when, {**data, "timestamp": rfc3339(when)})


@held.applies(base.MessageEdited)
def edit(account: WhatsAppAccount, message: Message, fact: base.MessageEdited) -> bool:
    """False when it is known, older than what we show, or not by the author."""
    here = targets.in_this_chat(account, message, fact)
    if not here or not targets.by_its_author(account, message, fact):
        logger.warning(
            "ignored an edit of somebody else's message",
            extra={"account": str(account.pk), "message_id": str(message.pk)},
        )
        return False
    when = moment(fact.timestamp)
    moved = (
        Message.objects.filter(Q(edited_at=None) | Q(edited_at__lte=when), pk=message.pk)
        .exclude(edit_wa_id=fact.wa_id[:120])
        .update(text=fact.text, edited_at=when, edit_wa_id=fact.wa_id[:120])
    )
    return bool(moved)


@held.applies(base.MessageRevoked)
def revoke(account: WhatsAppAccount, message: Message, fact: base.MessageRevoked) -> bool:
    """By the author, or in a group by an admin: WhatsApp's server checks that they are one."""
    fine = targets.in_this_chat(account, message, fact) and (
        fact.chat.type == "group" or targets.by_its_author(account, message, fact)
    )
    if not fine:
        logger.warning(
            "ignored a revoke of somebody else's message",
            extra={"account": str(account.pk), "message_id": str(message.pk)},
        )
        return False
    when = moment(fact.timestamp)
    return bool(Message.objects.filter(pk=message.pk, revoked_at=None).update(revoked_at=when))
