"""Group messages from clients: acknowledged, then handed to every device of every member.

Source: whatsmeow send.go (sendGroup) and retry.go. `<participants>` holds the sender key for each
device that the client knows of, `<enc type=skmsg>` the message. A device that the client does not
know gets the skmsg alone and asks for the rest; `phash` in the ack tells the client its mistake.
"""

from sandbox.network import groups_outbox, phone_inbox
from sandbox.network.connection import Connection
from sandbox.network.delivery import message_key
from sandbox.network.groups import Group
from sandbox.network.groups_rules import GroupRefusal
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Device, Phone
from sandbox.wire import group_stanzas, stanzas
from sandbox.wire.device_hashes import device_hash
from sandbox.wire.nodes import Node

PASSED_ON = frozenset({"meta", "biz"})
"""Children of a message that receivers get as they are."""


def take_message(connection: Connection, message: Node, group: Group) -> None:
    """Acknowledge and route a group message, or refuse it (403: may not write here)."""
    network = connection.network
    sender = connection.require_device()
    try:
        groups_outbox.require_writer(group, sender.phone)
    except GroupRefusal as refusal:
        ack = stanzas.message_ack(message, network.now(), error_code=refusal.number)
        connection.send(ack)
        return
    members = list(groups_outbox.devices(network, group))
    is_retry = message.jid("participant") is not None
    phash = None if is_retry else device_hash(phone.lid.at_device(n) for phone, n in members)
    connection.send(stanzas.message_ack(message, network.now(), phash=phash))
    if is_retry:
        _answer_retry(network, sender, message, group)
        return
    keys = _keys_by_device(network, message)
    shared = [child for child in message.children if child.tag == "enc"]
    for phone, number in members:
        if phone is not sender.phone or number != sender.number:
            content = [*keys.get((phone.digits, number), ()), *shared]
            _hand_over(network, sender, message, group, phone, number, content)


def _keys_by_device(network: Network, message: Node) -> dict[tuple[str, int], list[Node]]:
    participants = message.child("participants")
    keys = {}
    for node in participants.children if participants else ():
        address = node.require_jid("jid")
        phone = network.find(address)
        if phone:
            keys[phone.digits, address.device] = list(node.children)
    return keys


def _answer_retry(network: Network, sender: Device, message: Node, group: Group) -> None:
    """The message once more, for the one device that could not read it."""
    address = message.require_jid("participant")
    phone = network.find(address)
    if phone and group.rank(phone.digits) is not None:
        content = [child for child in message.children if child.tag == "enc"]
        _hand_over(network, sender, message, group, phone, address.device, content)


def _hand_over(
    network: Network,
    sender: Device,
    message: Node,
    group: Group,
    phone: Phone,
    number: int,
    content: list[Node],
) -> None:
    identity = message.child("device-identity")
    if identity and any(node.text("type") == "pkmsg" for node in content):
        content = [*content, identity]
    attrs = group_stanzas.incoming(group.jid, sender.lid, sender.jid)
    stanza = stanzas.message(
        message.text("id"),
        network.now(),
        kind=message.text("type"),
        sender=attrs | {"edit": message.text("edit")},
        name=sender.phone.name,
        content=[*content, *(node for node in message.children if node.tag in PASSED_ON)],
    )
    if number == PHONE_DEVICE:
        phone_inbox.take(network, phone, stanza)
    elif device := phone.devices.get(number):
        network.deliver(device, stanza, message_key(message.text("id")))
