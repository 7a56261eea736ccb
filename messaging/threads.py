"""Reading conversations: the chats of an account, newest first, and what was said in one.

For the API and the console alike. What a message looks like is descriptions.py; nothing here
writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from accounts.models import WhatsAppAccount
from events.models import rfc3339

from . import identities
from .models import Chat, Contact, Message
from .models.messages import MessageQuerySet
from .models.people import NEVER

CHUNK = 500  # names looked up by one query


def chats_of(account: WhatsAppAccount) -> QuerySet[Chat]:
    """All conversations, the one that moved last first."""
    return (
        Chat.objects.filter(account=account)
        .select_related("last_message__sender_contact")
        .order_by("-last_message_at", "-id")
    )


def messages_in(chat: Chat) -> MessageQuerySet:
    """What was said in a chat, newest first."""
    return Message.objects.whole().filter(chat_row=chat).newest_first()


def messages_of(account: WhatsAppAccount) -> MessageQuerySet:
    """All messages of a number, newest first."""
    return Message.objects.whole().filter(account=account).newest_first()


def describe_chats(account: WhatsAppAccount, chats: Iterable[Chat]) -> list[dict[str, Any]]:
    """The documents of chats, with names of people, in one more query."""
    chats = list(chats)
    people = _people(account, chats)
    return [_document(chat, people.get(chat.lid) or people.get(chat.jid)) for chat in chats]


def _document(chat: Chat, person: Contact | None) -> dict[str, Any]:
    last = chat.last_message
    return {
        "id": chat.pk,
        "jid": chat.jid,
        "lid": chat.lid,
        "type": chat.type,
        "name": _name(chat, person),
        "phone_number": person.phone_number if person else "",
        "unread": chat.unread,
        "archived": chat.archived,
        "muted_until": rfc3339(chat.muted_until) if chat.muted_until else None,
        "disappearing_seconds": chat.disappearing_seconds,
        "last_message_at": _last_at(chat),
        "last_message": _last(last) if last else None,
        "avatar_url": f"/api/v1/accounts/{chat.account_id}/contacts/{chat.jid}/avatar",
    }


def _last_at(chat: Chat) -> str | None:
    return rfc3339(chat.last_message_at) if chat.last_message_at != NEVER else None


def _name(chat: Chat, person: Contact | None) -> str:
    """What people call it; never empty."""
    if person is not None and person.name:
        return person.full_name or chat.name or person.name
    return chat.name or chat.jid.partition("@")[0]


def _last(message: Message) -> dict[str, Any]:
    return {
        "id": str(message.pk),
        "direction": message.direction,
        "type": message.type,
        "text": "" if message.revoked_at else message.text[:300],
        "status": message.status,
        "sender_name": message.sender_contact.name if message.sender_contact else "",
        "timestamp": rfc3339(message.timestamp),
        "revoked_at": rfc3339(message.revoked_at) if message.revoked_at else None,
    }


def _people(account: WhatsAppAccount, chats: list[Chat]) -> dict[str, Contact]:
    names = [name for chat in chats if chat.type == "user" for name in (chat.jid, chat.lid) if name]
    found: dict[str, Contact] = {}
    for start in range(0, len(names), CHUNK):
        match = identities.known_by(names[start : start + CHUNK])
        for person in Contact.objects.filter(match, account=account):
            found |= {name: person for name in (person.jid, person.lid) if name}
    return found
