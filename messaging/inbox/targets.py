"""Reactions, votes, edits and revokes name their message by an id that their sender wrote.

WhatsApp's server cannot look into them, so whether this sender may do that is checked here.
"""

from __future__ import annotations

from accounts.models import WhatsAppAccount
from sessions_mgr.engines import base

from .. import chats, people
from ..identities import LID
from ..models import Contact, Direction, Message
from . import held

Answer = base.ReactionReceived | base.PollVoted | base.MessageEdited | base.MessageRevoked


def find(account: WhatsAppAccount, fact: Answer) -> Message | None:
    """The message that is meant, if we have it and can read it."""
    meant = Message.objects.readable().whole().filter(account=account, wa_id=fact.target_wa_id)
    message = meant.first()
    if message is None:
        held.await_senders(account)
        message = meant.first()
    return message


def in_this_chat(account: WhatsAppAccount, message: Message, fact: Answer) -> bool:
    """An id of one group must not be used from another chat, where others know it."""
    group = fact.chat.type != "user"
    if message.chat.get("type") == "user":
        return not group
    here = chats.known(account, fact.chat)
    return group and here is not None and here.pk == message.chat_row_id


def by_its_author(account: WhatsAppAccount, message: Message, fact: Answer) -> bool:
    """In a group the very person; in a private chat the same side, unless the names contradict."""
    if fact.from_me or message.direction == Direction.OUT:
        return fact.from_me and message.direction == Direction.OUT
    person, author = people.of(account, fact.sender), message.sender_contact
    if person is None or author is None or person.pk == author.pk:
        return person is not None and author is not None
    if message.chat.get("type") != "user":
        return False
    return not (_differ(person.lid, author.lid) or _differ(_number(person), _number(author)))


def _number(person: Contact) -> str:
    return "" if person.jid.endswith(LID) else person.jid


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def event_data(
    account: WhatsAppAccount, message: Message | None, fact: Answer
) -> dict[str, object]:
    """What all their events have: which message, where, by whom."""
    return {
        "message_id": str(message.pk) if message else None,
        "wa_id": fact.target_wa_id,
        "direction": Direction.OUT.value if fact.from_me else Direction.IN.value,
        "chat": chats.shown(account, fact.chat),
        "sender": people.shown(account, fact.sender),
    }
