"""Where a message of ours meets what the inbox keeps: chats, people, events, early receipts."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from accounts.models import WhatsAppAccount
from events import types
from sessions_mgr.engines import base

from .. import chats, identities, people
from ..descriptions import describe
from ..inbox import changes, held, reactions, trouble
from ..inbox.telling import tell
from ..models import Chat, Message
from ..moments import moment
from . import errors

logger = logging.getLogger(__name__)


def learn_chat(message: Message, chat: base.Party) -> list[str]:
    """What the engine calls the chat of a message it sent. The fields of the message to save."""
    row = chats.of(message.account, chat)
    if row is None:
        return []
    message.chat = chats.describe(row)
    if message.chat_row_id is None:
        return ["chat"]
    message.chat_row = row
    return ["chat", "chat_row"]


def learn_sender(message: Message) -> list[str]:
    """What was queued while the account was not connected does not say from which number it is.
    The fields of the message to save."""
    us = people.ourselves(message.account)
    if message.sender.get("jid") or message.sender.get("lid") or not us.jid:
        return []
    message.sender, message.sender_contact = people.as_said(us), people.known(message.account, us)
    return ["sender", "sender_contact"]


def other_names(account: WhatsAppAccount, names: list[str]) -> list[str]:
    """All JIDs by which the chats of these names are known."""
    rows = Chat.objects.filter(identities.known_by(names), account=account)
    return [name for row in rows.values_list("jid", "lid") for name in row if name]


def announce(message: Message, at: datetime) -> None:
    """The one `message` event of a message that was sent, and its place in the chat."""
    if message.chat_row is not None:
        chats.note(message.chat_row, message)
    tell(message.account, types.MESSAGE, at, describe(message))


def apply_operation(message: Message, at: datetime) -> None:
    """A reaction, edit or revoke of ours was sent: let it count as if we had seen it."""
    target = message.content.get("target") or {}
    original = Message.objects.filter(pk=str(target.get("message_id"))).first()
    if original is None or original.wa_id is None:
        logger.warning("what a sent %s changes is gone", message.type)
        return
    account = message.account
    said: dict[str, Any] = {
        "wa_id": message.wa_id or "",
        "chat": _party(original.chat),
        "sender": _party(message.sender),
        "from_me": True,
        "timestamp": at.timestamp(),
        "target_wa_id": original.wa_id,
    }
    if message.type == "reaction":
        emoji = str(message.content.get("emoji") or "")
        reactions.reacted(account, base.ReactionReceived(**said, emoji=emoji), at)
    elif message.type == "edit":
        changes.edited(account, base.MessageEdited(**said, text=message.text), at)
    else:
        changes.revoked(account, base.MessageRevoked(**said), at)


def message_has_wa_id(message: Message) -> None:
    """Receipts and reactions that came before the answer count now. A receipt is told once more:
    when it came we did not know that it was about this message, and apps go by our id."""
    account = message.account

    def again(fact: base.EngineEvent) -> None:
        if isinstance(fact, base.ReceiptReceived):
            data = {
                "message_id": str(message.pk),
                "wa_id": message.wa_id,
                "status": fact.status,
                "chat": chats.shown(account, fact.chat),
                "sender": people.shown(account, fact.sender),
            }
            tell(account, types.MESSAGE_ACK, moment(fact.timestamp), data)

    held.release(account, message, again)


def restrict(account: WhatsAppAccount, error: dict[str, Any], at: datetime) -> None:
    """WhatsApp does not let this number write to strangers for a while: shown on the account.

    The engine reports it as a fact of its own too; who comes second changes nothing.
    """
    until = error.get("until")
    trouble.restricted(
        account,
        base.Restricted(
            code=errors.REACHOUT_TIMELOCK,
            until=float(until) if isinstance(until, int | float) else None,
            detail=str(error.get("detail", "")),
        ),
        at,
    )


def _party(said: dict[str, Any]) -> base.Party:
    names = ("jid", "lid", "phone_number", "push_name", "type")
    return base.Party(**{name: str(said[name]) for name in names if said.get(name)} | _nobody(said))


def _nobody(said: dict[str, Any]) -> dict[str, str]:
    return {} if said.get("jid") else {"jid": str(said.get("lid") or "")}
