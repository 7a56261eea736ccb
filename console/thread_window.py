"""Which messages of a conversation a page shows, and where the earlier ones are.

Two ways: the newest ones, which grow while the page is open (`?from=<id>` names the oldest one
shown), and a look back at what came before a message (`?before=<id>`), which does not change.
`?at=<id>` is the one of the two that shows this message, with some around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from messaging import threads
from messaging.models import Chat, Message
from messaging.models.messages import MessageQuerySet

PAGE = 50
MOST = 400  # messages on one page
AROUND = 20  # messages before and after the one that was asked for


@dataclass(frozen=True, slots=True)
class Window:
    """`messages` oldest first. `start` is where a refresh begins. `earlier` is a query for what
    came before; empty: nothing did."""

    messages: list[Message]
    start: str
    earlier: str
    newest: bool


def window(chat: Chat, *, start: str = "", before: str = "", at: str = "") -> Window:
    """An id that names no message of the chat counts as none."""
    if found := _of(chat, at):
        return _around(chat, found)
    if end := _of(chat, before):
        return _window(chat, list(_older(chat, end)[:PAGE]), newest=False)
    first = _of(chat, start)
    messages = threads.messages_in(chat)
    if first is None:
        return _window(chat, list(messages[:PAGE]), newest=True)
    return _window(chat, list(messages.since(first)[:MOST]), newest=True)


def _around(chat: Chat, wanted: Message) -> Window:
    later = threads.messages_in(chat).since(wanted)
    newest = list(later[:MOST])
    reaches = any(message.pk == wanted.pk for message in newest)
    if not reaches:
        newest = list(reversed(later.reverse()[:AROUND]))
    return _window(chat, [*newest, *_older(chat, wanted)[:AROUND]], newest=reaches)


def _window(chat: Chat, found: list[Message], *, newest: bool) -> Window:
    found.reverse()
    return Window(
        messages=found,
        start=str(found[0].pk) if found else "",
        earlier=_earlier(chat, found, growing=newest),
        newest=newest,
    )


def _earlier(chat: Chat, shown: list[Message], *, growing: bool) -> str:
    if not shown:
        return ""
    ids = list(_older(chat, shown[0]).values_list("pk", flat=True)[:PAGE])
    if not ids:
        return ""
    if growing and len(shown) + PAGE <= MOST:
        return f"from={ids[-1]}"
    return f"before={shown[0].pk}"


def _older(chat: Chat, message: Message) -> MessageQuerySet:
    return threads.messages_in(chat).before(message)


def _of(chat: Chat, text: str) -> Message | None:
    try:
        return Message.objects.filter(chat_row=chat, pk=UUID(text)).first() if text else None
    except ValueError:
        return None
