"""Whom an account has blocked. Kept and told to all its companions. Source: whatsmeow user.go.

What a blocked person says in a chat of two, or calls, is accepted and reaches nobody; groups are
not affected.
"""

import hashlib

from sandbox.network import groups_notices
from sandbox.network.connection import Connection
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.network.registry import answers
from sandbox.wire import stanzas
from sandbox.wire.nodes import Attribute, Node, StanzaError

DOCUMENT = "blocklist"
BLOCK, UNBLOCK = "block", "unblock"
HASH_DIGITS = 16


def blocked(network: Network, phone: Phone) -> list[str]:
    """The digits of the people that the phone has blocked, in that order."""
    digits: list[str] = network.store.document(DOCUMENT, phone.digits) or []
    return digits


def has_blocked(network: Network, phone: Phone, other: Phone) -> bool:
    """Whether messages and calls of `other` reach nobody at this phone's account."""
    return other.digits in blocked(network, phone)


@answers("blocklist", "get")
def get(connection: Connection, iq: Node) -> list[Node]:
    """The list."""
    return [_list(connection.network, connection.require_device().phone)]


@answers("blocklist", "set", "item")
def change(connection: Connection, iq: Node) -> list[Node]:
    """Block or unblock one person."""
    network, device = connection.network, connection.require_device()
    item = iq.require("item")
    person, action = network.find(item.require_jid("jid")), item.text("action")
    if person is None:
        raise StanzaError(404, "item-not-found")
    if action not in (BLOCK, UNBLOCK):
        raise StanzaError(400, "bad-request")
    people = blocked(network, device.phone)
    before = _hash(people)
    others = [digits for digits in people if digits != person.digits]
    people = [*others, person.digits] if action == BLOCK else others
    network.store.save_document(DOCUMENT, device.phone.digits, people)
    _announce(network, device, person, action, before, _hash(people))
    return [_list(network, device.phone)]


def _hash(people: list[str]) -> str:
    return hashlib.sha256("|".join(people).encode()).hexdigest()[:HASH_DIGITS]


def _list(network: Network, phone: Phone) -> Node:
    people = blocked(network, phone)
    items = [Node("item", {"jid": network.phone(digits).lid}) for digits in people]
    return Node("list", {"dhash": _hash(people)}, items)


def _announce(
    network: Network, author: Device, person: Phone, action: str, before: str, after: str
) -> None:
    """The other companions of the account hear of it."""
    attrs: dict[str, Attribute] = {"dhash": after, "prev_dhash": before, "action": "modify"}
    change = Node("blocklist", attrs, [Node("item", {"jid": person.lid, "action": action})])
    for device in list(author.phone.devices.values()):
        if device is not author:
            node_id = groups_notices.new_notification_id()
            news = stanzas.notification("account_sync", node_id, network.now(), [change])
            news.attrs["from"] = device.phone.jid
            network.deliver(device, news, groups_notices.notification_key(node_id))
