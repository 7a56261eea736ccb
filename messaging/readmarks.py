"""Tell the others that we have read their messages, and remember it."""

from __future__ import annotations

from collections import defaultdict

from accounts.models import WhatsAppAccount
from sessions_mgr import commands

from . import chats
from .models import Chat, Direction, Message

AT_ONCE = 100  # messages per receipt
MOST = 1000  # messages per call; older ones were read before or come from history


def mark_read(*, account: WhatsAppAccount, chat: Chat, upto: Message | None = None) -> int:
    """Send read receipts up to a message of the chat, or its newest. How many messages.

    CommandFailed when WhatsApp could not be told; then nothing counts as read here either, and
    whoever asks again repeats at most harmless receipts. `chat` is fresh afterwards.
    """
    unread = Message.objects.filter(
        chat_row=chat, direction=Direction.IN, history=False, wa_id__isnull=False
    )
    newest = upto or Message.objects.filter(chat_row=chat).newest_first().first()
    if newest is None:
        return 0
    unread = unread.filter(timestamp__lte=newest.timestamp)
    if chat.read_until is not None:
        unread = unread.filter(timestamp__gt=chat.read_until)
    by_sender: dict[str, list[str]] = defaultdict(list)
    for wa_id, sender in unread.newest_first().values_list("wa_id", "sender")[:MOST]:
        by_sender[str(sender.get("jid") or "")].append(str(wa_id))
    for sender_jid, wa_ids in by_sender.items():
        for start in range(0, len(wa_ids), AT_ONCE):
            commands.order(
                account,
                "mark_read",
                chat=chat.jid,
                sender=sender_jid,
                wa_ids=wa_ids[start : start + AT_ONCE],
                played=False,
            )
    chats.mark_read(chat, newest.timestamp)
    chat.refresh_from_db(fields=["unread", "read_until"])
    return sum(len(wa_ids) for wa_ids in by_sender.values())
