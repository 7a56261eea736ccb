"""What app state says about a phone: its push name, its address book, its chats.

Source: WAWebProtobufSyncAction.proto. SyncActionValue: 1 timestamp (ms), 3 contactAction {1 full
name, 2 first name, 3 hidden id}, 4 muteAction {1 muted, 2 until (ms)}, 5 pinAction {1}, 7
pushNameSetting {1 name}, 17 archiveChatAction {1 archived}, 20 markChatAsReadAction {1 read}.
"""

from collections.abc import Iterable
from typing import Any

from sandbox.network.hub import Network
from sandbox.network.model import Phone
from sandbox.syncd import hashes
from sandbox.syncd.patches import Mutation
from sandbox.wire import protobuf
from sandbox.wire.jids import Jid
from sandbox.wire.protobuf import FieldValue

PUSH_NAME, CONTACTS, CHATS, MUTES = (
    "critical_block",
    "critical_unblock_low",
    "regular_low",
    "regular_high",
)
"""The collections that hold these settings."""
CONTACT_BOOK, CHAT_SETTINGS = "contacts", "chat_settings"
"""Kinds of stored documents, one per phone."""
FOREVER = -1

Document = dict[str, Any]


def _value(now: int, number: int, fields: Iterable[tuple[int, FieldValue]]) -> bytes:
    return protobuf.encode([(1, now * 1000), (number, protobuf.encode(fields))])


def push_name(name: str, now: int) -> Mutation:
    """How the account calls itself."""
    return Mutation(["setting_pushName"], _value(now, 7, [(1, name)]), 1)


def contact(jid: Jid, lid: Jid | None, full_name: str, first_name: str, now: int) -> Mutation:
    """One person in the address book."""
    hidden = str(lid) if lid else None
    value = _value(now, 3, [(1, full_name), (2, first_name or None), (3, hidden), (4, 1)])
    return Mutation(["contact", str(jid)], value, 2)


def no_contact(jid: Jid, now: int) -> Mutation:
    """Somebody is taken out of the address book."""
    value = protobuf.encode([(1, now * 1000)])
    return Mutation(["contact", str(jid)], value, 2, hashes.REMOVE)


def archived(chat: Jid, on: bool, now: int) -> Mutation:
    """A chat is put away, or taken out."""
    return Mutation(["archive", str(chat)], _value(now, 17, [(1, int(on))]), 3)


def muted(chat: Jid, until: int, now: int) -> Mutation:
    """A chat is silent until this time in seconds (FOREVER, or 0 for not)."""
    ends = until * 1000 if until > 0 else until or None
    return Mutation(["mute", str(chat)], _value(now, 4, [(1, int(until != 0)), (2, ends)]), 2)


def apply(network: Network, phone: Phone, mutation: Mutation) -> None:
    """The phone follows a change, whoever made it. Unknown settings are only passed on."""
    subject, *rest = mutation.index
    value = protobuf.decode(mutation.value)
    present = mutation.operation == hashes.SET
    if subject == "setting_pushName" and present:
        name = value.message(7).text(1)
        if name and name != phone.name:
            phone.name = name
            network.store.save_phone(phone)
    elif subject == "contact" and rest:
        action = value.message(3)
        entry = {"full_name": action.text(1), "first_name": action.text(2)}
        _note(network, CONTACT_BOOK, phone, rest[0], entry if present else None)
    elif subject in ("archive", "mute", "pin_v1", "markChatAsRead") and rest and present:
        _note(network, CHAT_SETTINGS, phone, rest[0], _chat_setting(subject, value))


def _chat_setting(subject: str, value: protobuf.Fields) -> Document:
    if subject == "archive":
        return {"archived": bool(value.message(17).integer(1))}
    if subject == "pin_v1":
        return {"pinned": bool(value.message(5).integer(1))}
    if subject == "markChatAsRead":
        return {"read": bool(value.message(20).integer(1))}
    action = value.message(4)
    until = action.integer(2)
    if until >= 2**63:  # a negative number on the wire
        until = FOREVER
    muted_until = until // 1000 if until > 0 else FOREVER
    return {"muted_until": muted_until if action.integer(1) else 0}


def _note(network: Network, kind: str, phone: Phone, key: str, entry: Document | None) -> None:
    document: Document = network.store.document(kind, phone.digits) or {}
    if entry is None:
        document.pop(key, None)
    else:
        document[key] = document.get(key, {}) | entry
    network.store.save_document(kind, phone.digits, document)


def contacts(network: Network, phone: Phone) -> dict[str, Document]:
    """The address book: address to `{full_name, first_name}`."""
    book: dict[str, Document] = network.store.document(CONTACT_BOOK, phone.digits) or {}
    return book


def chats(network: Network, phone: Phone) -> dict[str, Document]:
    """What is set for chats: address to `{archived?, muted_until?, pinned?, read?}`."""
    settings: dict[str, Document] = network.store.document(CHAT_SETTINGS, phone.digits) or {}
    return settings
