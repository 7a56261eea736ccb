"""Finds what somebody types among the numbers, people, messages and events of one workspace.

Bounded, so that a search never reads a whole log: messages of the last months, or for some time
(looking_back.py), and the newest events.
The page says where the search ended. Reads and never writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import WhatsAppAccount, Workspace
from events import services as event_log
from events.models import Event
from messaging.models import Chat, Contact, Message
from messaging.models.messages import MessageQuerySet

from . import chat_rows
from .looking_back import look_back

SHOWN = 8  # of each kind
SHORTEST = 2  # characters
LONGEST = 100
DAYS = 90  # of messages, unless all are asked for
NEWEST_EVENTS = 5000
AROUND = 60  # characters of a message before and after what was found


@dataclass(slots=True)
class Found:
    """Up to SHOWN of each kind; `more` names the kinds of which there are others."""

    numbers: list[WhatsAppAccount] = field(default_factory=list)
    chats: list[dict[str, Any]] = field(default_factory=list)
    people: list[Contact] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    more: set[str] = field(default_factory=set)
    reached: datetime | None = None  # messages that are older were not looked at, for want of time

    def __bool__(self) -> bool:
        return any((self.numbers, self.chats, self.people, self.messages, self.events))


def cleaned(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:LONGEST]


def find(
    workspace: Workspace, query: str, *, everything: bool = False, before: datetime | None = None
) -> Found:
    """`everything`: all messages that are kept, not only those of the last DAYS; or those that are
    older than `before`, where a search had to end."""
    found = Found()
    if len(query) < SHORTEST:
        return found
    mine = WhatsAppAccount.objects.present().filter(workspace=workspace, session__isnull=False)
    accounts = {account.pk: account for account in mine.select_related("session", "workspace")}
    numbers = mine.filter(number_matches(query)).select_related("session").order_by("label", "id")
    found.numbers = _some(numbers, "numbers", found)
    chats = _some(_chats(accounts, query), "chats", found)
    found.chats = [
        {"account": accounts[chat.account_id], **chat_rows.row(accounts[chat.account_id], chat)}
        for chat in chats
    ]
    found.people = _some(_people(accounts, query), "people", found)
    since = None if everything else timezone.now() - timedelta(days=DAYS)
    sight = look_back(_messages(accounts, query), enough=SHOWN + 1, since=since, before=before)
    messages = _some(sight.messages, "messages", found)
    found.messages = [{"message": m, "text": marked(m.text, query)} for m in messages]
    found.reached = sight.reached
    found.events = _some(_events(workspace, query), "events", found)
    return found


def number_matches(query: str) -> Q:
    """Accounts by label, phone number (with or without spaces) or the phone's own name."""
    return (
        Q(label__icontains=query)
        | Q(phone_number__icontains=query.replace(" ", ""))
        | Q(push_name__icontains=query)
    )


def _some(rows: QuerySet[Any] | list[Any], kind: str, found: Found) -> list[Any]:
    some = list(rows[: SHOWN + 1])
    if len(some) > SHOWN:
        found.more.add(kind)
    return some[:SHOWN]


def _chats(accounts: Any, query: str) -> QuerySet[Chat]:
    return (
        Chat.objects.filter(chat_rows.matches(query, accounts), account__in=accounts)
        .select_related("last_message__sender_contact")
        .order_by("-last_message_at", "-id")
    )


def _people(accounts: Any, query: str) -> QuerySet[Contact]:
    """Those with whom there is no conversation yet."""
    talks = Chat.objects.filter(account=OuterRef("account"))
    return (
        Contact.objects.filter(chat_rows.person_matches(query), account__in=accounts)
        .exclude(Exists(talks.filter(jid=OuterRef("jid"))))
        .exclude(~Q(lid="") & Exists(talks.filter(lid=OuterRef("lid"))))
        .select_related("account")
        .order_by("-updated_at", "-id")
    )


def _messages(accounts: Any, query: str) -> MessageQuerySet:
    rows = Message.objects.filter(
        account__in=accounts, text__icontains=query, revoked_at=None, chat_row__isnull=False
    )
    return rows.select_related("account", "chat_row", "sender_contact")


def _events(workspace: Workspace, query: str) -> list[Event]:
    """By id or seq wherever it is; by type or by what the event holds among the newest.

    Two queries: of one with an OR a database may read the whole log, newest first.
    """
    exact = Q(pk=query)
    if query.isascii() and query.isdigit() and len(query) < 19:
        exact |= Q(seq=int(query))
    mine = Event.objects.filter(workspace=workspace)
    named = list(mine.filter(exact).order_by("-seq"))
    newest = mine.filter(seq__gt=event_log.head(workspace.pk) - NEWEST_EVENTS)
    holds = Q(type__icontains=query) | Q(written__icontains=query)
    others = newest.annotate(written=Cast("data", TextField())).filter(holds)
    others = others.exclude(pk__in=[event.pk for event in named]).order_by("-seq")
    return [*named, *others[: SHOWN + 1]]


def marked(text: str, query: str) -> SafeString:
    """What was found, with some words around it and itself marked."""
    at = text.casefold().find(query.casefold())
    if at < 0 or len(text.casefold()) != len(text):
        return format_html("{}", text[: 2 * AROUND])
    start, end = max(0, at - AROUND), at + len(query) + AROUND
    return format_html(
        "{}{}<mark>{}</mark>{}{}",
        "…" if start else "",
        text[start:at],
        text[at : at + len(query)],
        text[at + len(query) : end],
        "…" if end < len(text) else "",
    )
