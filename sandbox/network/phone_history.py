"""The history that a phone hands to its companions: at pairing, when told to, or when asked.

A phone has history only when it was given some; its messages are then also in the archive.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.contents import history
from sandbox.contents.codec import Message
from sandbox.contents.reading import secret_of
from sandbox.network import device_links, media_host, phone_outbox
from sandbox.network.archive import Known
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.network.web_messages import web_message
from sandbox.wire.jids import LID_SERVER, Jid

DOCUMENT = "history"
CHUNK_MESSAGES = 500
"""A file of history holds about so many messages, but never a part of a chat."""
MAX_ON_DEMAND = 500


@dataclass(frozen=True, slots=True)
class PastChat:
    """One chat of a phone's history. `jid` is a hidden id or a group's address."""

    jid: str
    name: str = ""
    unread: int = 0
    archived: bool = False
    pinned_at: int = 0
    muted_until: int = 0
    messages: list[Known] = field(default_factory=list)


def remember(network: Network, phone: Phone, chats: list[PastChat]) -> None:
    """Give the phone this history in place of what it had; an empty list takes it away."""
    documents = []
    for chat in chats:
        for known in chat.messages:
            network.archive.save(phone.digits, known, replace=True)
        documents.append(
            {
                "jid": chat.jid,
                "name": chat.name,
                "unread": chat.unread,
                "archived": chat.archived,
                "pinned_at": chat.pinned_at,
                "muted_until": chat.muted_until,
                "wa_ids": [known.wa_id for known in chat.messages],
            }
        )
    network.store.save_document(DOCUMENT, phone.digits, documents)


def chats_of(network: Network, phone: Phone) -> list[PastChat]:
    """The history that the phone was given."""
    documents: list[dict[str, Any]] = network.store.document(DOCUMENT, phone.digits) or []
    chats = []
    for document in documents:
        values = dict(document)
        found = [network.archive.find(phone.digits, wa_id) for wa_id in values.pop("wa_ids")]
        chats.append(PastChat(**values, messages=[known for known in found if known]))
    return chats


@device_links.when_linked
def send_to_new(network: Network, device: Device) -> None:
    """A companion gets the history, if there is some, with its first login."""
    send_all(network, device.phone, device)


def send_all(network: Network, phone: Phone, device: Device) -> list[str]:
    """Hand the phone's history to a companion; the ids of the messages that announce it."""
    chats = chats_of(network, phone)
    if not chats:
        return []
    chunks = list(_chunks(chats))
    ids = []
    for order, chunk in enumerate(chunks, start=1):
        part: Message = {
            "syncType": history.INITIAL if order == 1 else history.RECENT,
            "conversations": [_conversation(network, chat) for chat in chunk],
            "chunkOrder": order,
            "progress": history.COMPLETE * order // len(chunks),
            "phoneNumberToLidMappings": list(_mappings(network, chunk)),
        }
        ids.append(_send(network, phone, device, part))
    names = {"syncType": history.PUSH_NAMES, "pushnames": list(_push_names(network, chats))}
    return [*ids, _send(network, phone, device, names)]


def send_older(network: Network, phone: Phone, device: Device, wanted: Message) -> str:
    """Hand over what is older than the message that a companion names; the announcement's id."""
    limit = min(wanted.get("onDemandMsgCount", 0) or MAX_ON_DEMAND, MAX_ON_DEMAND)
    before = wanted.get("oldestMsgTimestampMS", 0) // 1000 or network.now() + 1
    address = _address(network, wanted.get("chatJID", ""))
    messages = network.archive.older(phone.digits, address, before, limit)[::-1]
    past = PastChat(address, messages=messages)
    part = {"syncType": history.ON_DEMAND, "conversations": [_conversation(network, past)]}
    return _send(network, phone, device, part)


def _address(network: Network, chat: str) -> str:
    """The address under which phones know a chat; whatever is none has no messages."""
    try:
        found = network.find(Jid.parse(chat))
    except ValueError:
        return str(Jid(""))
    return str(found.lid) if found else chat


def _send(network: Network, phone: Phone, device: Device, part: Message) -> str:
    file = history.sealed(part)
    path = media_host.direct_path(network.media.put(file.body))
    plaintext = history.notification(part, file, path)
    return phone_outbox.send_peer(network, phone, device, plaintext)


def _chunks(chats: Iterable[PastChat]) -> Iterator[list[PastChat]]:
    chunk: list[PastChat] = []
    size = 0
    for chat in chats:
        if chunk and size + len(chat.messages) > CHUNK_MESSAGES:
            yield chunk
            chunk, size = [], 0
        chunk.append(chat)
        size += len(chat.messages)
    if chunk:
        yield chunk


def _conversation(network: Network, chat: PastChat) -> Message:
    oldest_first = sorted(chat.messages, key=lambda known: known.timestamp)
    newest_first = oldest_first[::-1]
    person = network.find(Jid.parse(chat.jid))
    last = newest_first[0].timestamp if newest_first else None
    return {
        "ID": chat.jid,
        "messages": [
            {
                "message": {
                    **web_message(network, known),
                    "messageSecret": secret_of(known.body) or None,
                },
                "msgOrderID": len(newest_first) - index,
            }
            for index, known in enumerate(newest_first)
        ],
        "lastMsgTimestamp": last,
        "conversationTimestamp": last,
        "unreadCount": chat.unread,
        "name": chat.name or None,
        "archived": chat.archived or None,
        "pinned": chat.pinned_at or None,
        "muteEndTime": chat.muted_until or None,
        "pnJID": str(person.jid) if person else None,
        "lidJID": str(person.lid) if person else None,
    }


def _people(network: Network, chats: Iterable[PastChat]) -> list[Phone]:
    addresses = {chat.jid for chat in chats}
    addresses |= {known.sender for chat in chats for known in chat.messages}
    jids = [Jid.parse(address) for address in sorted(addresses)]
    found = [network.find(jid) for jid in jids if jid.server == LID_SERVER]
    return [phone for phone in found if phone]


def _mappings(network: Network, chats: Iterable[PastChat]) -> Iterator[Message]:
    for phone in _people(network, list(chats)):
        yield {"pnJID": str(phone.jid), "lidJID": str(phone.lid)}


def _push_names(network: Network, chats: Iterable[PastChat]) -> Iterator[Message]:
    for phone in _people(network, list(chats)):
        yield {"ID": str(phone.lid), "pushname": phone.name}
        yield {"ID": str(phone.jid), "pushname": phone.name}
