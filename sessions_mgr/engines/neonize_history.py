"""A history sync from the phone, as facts. Pure; one fact at a time, so the memory stays bounded.

The phone sends its history in chunks after pairing: messages of the last time, chats, names. Each
message becomes a `MessageReceived` with `history`; reactions and the like are told as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from . import base, neonize_messages
from .neonize_parties import party_from_text

logger = logging.getLogger(__name__)

CHUNK = 200  # chats or people in one fact
NAME_CHARACTERS = 1024


def facts(history: Any, own: base.Party) -> Iterator[base.EngineEvent]:
    """Everything in a waHistorySync.HistorySync: names and chats first, so that messages find them.

    `own` is us: what we sent carries no sender.
    """
    numbers = {m.lidJID: m.pnJID for m in history.phoneNumberToLidMappings if m.lidJID and m.pnJID}
    lids = {pn: lid for lid, pn in numbers.items()}
    yield from _people(history, numbers, lids)
    yield from _chats(history, numbers, lids)
    for conversation in history.conversations:
        chat = _chat(conversation, numbers, lids)
        for entry in _in_order(conversation.messages):
            if (fact := _message(entry.message, chat, own, numbers, lids)) is not None:
                yield fact


def _in_order(messages: Any) -> list[Any]:
    """Oldest first. Phones send them newest first, and within a second in that order too."""
    ordered = list(messages)[::-1]
    ordered.sort(key=lambda entry: entry.message.messageTimestamp)  # keeps the order of equals
    return ordered


def _people(
    history: Any, numbers: dict[str, str], lids: dict[str, str]
) -> Iterator[base.EngineEvent]:
    known = {
        p.ID: p.pushname[:NAME_CHARACTERS] for p in history.pushnames if p.ID and p.pushname != "-"
    }
    people = [_person(jid, numbers, lids, push_name) for jid, push_name in known.items()]
    people += [_person(lid, numbers, lids) for lid in numbers if lid not in known]
    for start in range(0, len(people), CHUNK):
        yield base.ContactSeen(people=people[start : start + CHUNK])


def _chats(
    history: Any, numbers: dict[str, str], lids: dict[str, str]
) -> Iterator[base.EngineEvent]:
    chats = []
    for conversation in history.conversations:
        chat = _chat(conversation, numbers, lids)
        chats.append(
            {
                "jid": chat.jid,
                "lid": chat.lid,
                "phone_number": chat.phone_number,
                "name": (conversation.name or conversation.displayName)[:NAME_CHARACTERS],
                "unread": conversation.unreadCount,
                "archived": conversation.archived,
                "muted_until": _moment(conversation.muteEndTime),
                "last_message_at": _moment(conversation.conversationTimestamp),
                "expires_in": conversation.ephemeralExpiration,
                "expires_since": _moment(conversation.ephemeralSettingTimestamp),
            }
        )
    for start in range(0, len(chats), CHUNK):
        yield base.ChatsSynced(chats=chats[start : start + CHUNK])


def _chat(conversation: Any, numbers: dict[str, str], lids: dict[str, str]) -> base.Party:
    other = conversation.lidJID or conversation.pnJID
    if other == conversation.ID:
        other = conversation.pnJID
    known = numbers.get(conversation.ID) or lids.get(conversation.ID) or ""
    return party_from_text(conversation.ID, other or known)


def _person(
    jid: str, numbers: dict[str, str], lids: dict[str, str], push_name: str = ""
) -> base.Party:
    return party_from_text(jid, numbers.get(jid) or lids.get(jid) or "", push_name)


def _message(
    entry: Any,
    chat: base.Party,
    own: base.Party,
    numbers: dict[str, str],
    lids: dict[str, str],
) -> base.EngineEvent | None:
    key = entry.key
    if not key.ID or not entry.HasField("message"):
        return None  # a notice of the phone, such as "messages are encrypted"
    if key.fromMe:
        sender = own
    else:
        speaker = key.participant or entry.participant
        sender = _person(speaker, numbers, lids, entry.pushName) if speaker else chat
    envelope = neonize_messages.Envelope(
        wa_id=key.ID[:NAME_CHARACTERS],
        chat=chat,
        sender=sender,
        from_me=key.fromMe,
        timestamp=float(entry.messageTimestamp),
    )
    return neonize_messages.fact(envelope, entry.message, history=True)


def _moment(seconds: int) -> float | None:
    """Unix seconds; WhatsApp writes some of them in milliseconds, and "for ever" as a huge one."""
    if seconds <= 0:
        return None
    return min(seconds / 1000 if seconds > 10**11 else float(seconds), 4102444800.0)
