"""The conversations of a number as the list shows them; reads and never writes."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from accounts.models import WhatsAppAccount
from messaging import threads
from messaging.models import Avatar, Chat, Contact

from .message_words import preview
from .templatetags.console import phone

PAGE = 50
MOST = 500


def find(account: WhatsAppAccount, query: str) -> QuerySet[Chat]:
    """Those whose name or number holds the query, the one that moved last first."""
    found = threads.chats_of(account)
    query = query.strip()
    return found.filter(matches(query, [account])) if query else found


def matches(query: str, accounts: Collection[Any]) -> Q:
    """Chats by their own name, or by a name or number under which one of the accounts knows the
    person."""
    match = Q(name__icontains=query)
    if digits := _digits(query):
        match |= Q(jid__contains=digits)
    known = Contact.objects.filter(person_matches(query), account__in=accounts)
    return (
        match
        | Q(jid__in=known.values("jid"))
        | Q(lid__in=known.exclude(lid="").values("lid"), type="user")
    )


def person_matches(query: str) -> Q:
    """Contacts by any of their names, or by their phone number."""
    people = Q(full_name__icontains=query) | Q(push_name__icontains=query)
    people |= Q(business_name__icontains=query)
    if digits := _digits(query):
        people |= Q(phone_number__contains=digits)
    return people


def _digits(query: str) -> str:
    """Those of something that looks like a part of a phone number, else nothing."""
    digits = re.sub(r"[^0-9]", "", query)
    return digits if len(digits) >= 3 and re.fullmatch(r"[+0-9\s()./-]+", query) else ""


def rows(account: WhatsAppAccount, chats: list[Chat]) -> list[dict[str, Any]]:
    """One line each, in two more queries."""
    pictures = dict(
        Avatar.objects.filter(account=account, jid__in=[chat.jid for chat in chats])
        .exclude(file="")
        .values_list("jid", "picture_id")
    )
    return [
        _row(chat, doc, pictures)
        for chat, doc in zip(chats, threads.describe_chats(account, chats), strict=True)
    ]


def row(account: WhatsAppAccount, chat: Chat) -> dict[str, Any]:
    return rows(account, [chat])[0]


def _row(chat: Chat, doc: dict[str, Any], pictures: dict[str, str]) -> dict[str, Any]:
    name = shown_name(doc)
    last = doc["last_message"]
    return {
        "chat": chat,
        "name": name,
        "initials": initials(name),
        "phone_number": doc["phone_number"],
        "group": doc["type"] == "group",
        "unread": doc["unread"],
        "archived": doc["archived"],
        "muted": doc["muted_until"] is not None,
        "preview": preview(last, group=doc["type"] == "group"),
        "last": last,
        "at": parse_datetime(doc["last_message_at"]) if doc["last_message_at"] else None,
        "picture": pictures.get(chat.jid),
    }


def shown_name(doc: dict[str, Any]) -> str:
    """A bare phone number is written as one."""
    name = str(doc["name"])
    if name.isdigit() and doc["jid"].endswith("@s.whatsapp.net"):
        return phone(f"+{name}")
    return phone(name) if name.startswith("+") else name


def initials(name: str) -> str:
    """One or two letters; empty for what is no name."""
    words = [word for word in re.split(r"\W+", name) if word and word[0].isalpha()]
    return "".join(word[0] for word in words[:2]).upper()
