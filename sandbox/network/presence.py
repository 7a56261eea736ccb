"""Who is online and who is typing: passed on to who listens, never queued."""

from sandbox.network.connection import Connection
from sandbox.network.errors import Refusal
from sandbox.network.groups import Group
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.wire import stanzas
from sandbox.wire.jids import Jid
from sandbox.wire.nodes import Attribute, Node

AVAILABLE, UNAVAILABLE = "available", "unavailable"
COMPOSING, PAUSED = "composing", "paused"
LOG_LENGTH = 200


def take_presence(connection: Connection, presence: Node) -> None:
    """The client comes online, goes away, or wants to know about somebody."""
    network = connection.network
    device = connection.require_device()
    kind = presence.text("type")
    if kind == "subscribe":
        target = network.find(presence.require_jid("to"))
        if target:
            network.subscriptions.setdefault(target.digits, set()).add(device)
            if _is_available(target):
                connection.send(stanzas.presence(target.lid, available=True, last_seen=None))
    elif kind in (AVAILABLE, UNAVAILABLE):
        device.available = kind == AVAILABLE
        _announce(network, device.phone, device.available)


def went_away(network: Network, device: Device) -> None:
    """A device's connection is gone, and its presence with it."""
    if device.available:
        device.available = False
        _announce(network, device.phone, False)


def announce(network: Network, phone: Phone, state: str) -> None:
    """Let a virtual phone come online or go away."""
    _announce(network, phone, state == AVAILABLE)


def _is_available(phone: Phone) -> bool:
    return any(device.available for device in phone.devices.values())


def _announce(network: Network, phone: Phone, available: bool) -> None:
    last_seen = None if available else network.now()
    for listener in network.subscriptions.get(phone.digits, set()):
        if listener.connection:
            node = stanzas.presence(phone.lid, available=available, last_seen=last_seen)
            listener.connection.send(node)
    for other in network.phones:
        if other is not phone:
            state = AVAILABLE if available else UNAVAILABLE
            _log(network, other, phone, "presence", state)


def take_chat_state(connection: Connection, chat_state: Node) -> None:
    """The client types or stopped typing to somebody."""
    device = connection.require_device()
    network = connection.network
    to = chat_state.require_jid("to")
    receiver, group = network.find(to), network.groups.find(to)
    if receiver and chat_state.children:
        _pass_on(network, device.phone, device.lid, receiver, chat_state.children[0])
    elif group and group.rank(device.phone.digits) is not None and chat_state.children:
        _pass_on_in_group(network, device.phone, group, chat_state.children[0])


def type_to(network: Network, sender: Phone, receiver: Phone, state: str) -> None:
    """Let a virtual phone type. Raises Refusal (phone_offline)."""
    if not sender.online:
        raise Refusal("phone_offline", f"{sender.number} is offline")
    _pass_on(network, sender, sender.lid, receiver, Node(state))


def type_in_group(network: Network, sender: Phone, group: Group, state: str) -> None:
    """Let a virtual phone type in a group. Raises Refusal (phone_offline, group_forbidden)."""
    if not sender.online:
        raise Refusal("phone_offline", f"{sender.number} is offline")
    if group.rank(sender.digits) is None:
        raise Refusal("group_forbidden", f"{sender.number} is not in {group.jid}")
    _pass_on_in_group(network, sender, group, Node(state))


def _pass_on_in_group(network: Network, sender: Phone, group: Group, state: Node) -> None:
    for digits in group.members:
        member = network.phone(digits)
        if member is sender:
            continue
        for device in member.devices.values():
            if device.connection:
                attrs: dict[str, Attribute] = {"from": group.jid, "participant": sender.lid}
                device.connection.send(Node("chatstate", attrs, [state]))
        _log(network, member, sender, "chatstate", state.tag)


def _pass_on(network: Network, sender: Phone, lid: Jid, receiver: Phone, state: Node) -> None:
    for device in receiver.devices.values():
        if device.connection:
            device.connection.send(stanzas.chat_state(lid.bare, state))
    _log(network, receiver, sender, "chatstate", state.tag)


def _log(network: Network, phone: Phone, about: Phone, kind: str, state: str) -> None:
    entries = network.presence_log.setdefault(phone.digits, [])
    entries.append({"from": about.number, "kind": kind, "state": state, "at": network.now()})
    del entries[:-LOG_LENGTH]
