"""Messages that clients send: acknowledged, then each ciphertext goes to the device it is for.

Source: whatsmeow send.go and message.go. A message carries one ciphertext per device of the
receiver and per other device of the sender, device 0 (the phone) included; the answer to a retry
receipt carries one for exactly one device.
"""

from collections.abc import Iterator, Sequence

from sandbox.network import blocklists, faults, phone_inbox
from sandbox.network.connection import Connection
from sandbox.network.delivery import message_key
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Device, Phone
from sandbox.wire import stanzas
from sandbox.wire.jids import Jid
from sandbox.wire.nodes import Node

NOT_IMPLEMENTED = 501
STALE_DEVICE_LIST = "2:stale"
"""Any participant hash that differs from the client's own makes it forget the device list."""


def take_message(connection: Connection, message: Node) -> None:
    """Acknowledge and route a message, or refuse it with a number the client understands."""
    network = connection.network
    sender = connection.require_device()
    to = message.require_jid("to")
    if network.faults.use(faults.REJECT_SEND_463, sender.phone.digits, sender.number):
        code = faults.REACH_OUT_TIME_LOCK
        connection.send(stanzas.message_ack(message, network.now(), error_code=code))
        return
    receiver = network.find(to)
    if receiver is None:
        ack = stanzas.message_ack(message, network.now(), error_code=NOT_IMPLEMENTED)
        connection.send(ack)
        return
    ciphertexts = list(_ciphertexts(message, to))
    stale = message.child("participants") and _is_stale(network, sender, receiver, ciphertexts)
    phash = STALE_DEVICE_LIST if stale else None
    connection.send(stanzas.message_ack(message, network.now(), phash=phash))
    for address, content in ciphertexts:
        _hand_over(network, sender, message, address, content)


def _ciphertexts(message: Node, chat: Jid) -> Iterator[tuple[Jid, list[Node]]]:
    """The device addresses and what each of them gets."""
    identity = message.child("device-identity")
    participants = message.child("participants")
    if participants is None:
        addressed = [(chat, [child for child in message.children if child.tag == "enc"])]
    else:
        addressed = [
            (node.require_jid("jid"), list(node.children)) for node in participants.children
        ]
    for address, content in addressed:
        needs_identity = any(node.text("type") == "pkmsg" for node in content)
        yield address, [*content, identity] if identity and needs_identity else content


def _is_stale(
    network: Network, sender: Device, receiver: Phone, sent: Sequence[tuple[Jid, list[Node]]]
) -> bool:
    """Whether the sender's idea of who has which devices is not the truth."""
    reached = {
        (phone.digits, address.device) for address, _ in sent if (phone := network.find(address))
    }
    expected = {
        (phone.digits, number)
        for phone in (receiver, sender.phone)
        for number in (PHONE_DEVICE, *phone.devices)
    }
    return reached != expected - {(sender.phone.digits, sender.number)}


def _hand_over(
    network: Network, sender: Device, message: Node, address: Jid, content: list[Node]
) -> None:
    receiver = network.find(address)
    if receiver is None or blocklists.has_blocked(network, receiver, sender.phone):
        return
    if receiver is sender.phone:
        chat_phone = message.jid("peer_recipient_pn")
        attrs = stanzas.own_copy(sender.lid, message.require_jid("to"), chat_phone)
    else:
        attrs = stanzas.incoming(sender.lid, sender.jid)
    meta = message.child("meta")
    about_poll = [meta] if meta and meta.text("polltype") else []
    stanza = stanzas.message(
        message.text("id"),
        network.now(),
        kind=message.text("type"),
        sender=attrs | {"edit": message.text("edit")},
        name=sender.phone.name,
        content=[*content, *about_poll],
    )
    if address.device == PHONE_DEVICE:
        phone_inbox.take(network, receiver, stanza)
    elif device := receiver.devices.get(address.device):
        network.deliver(device, stanza, message_key(message.text("id")))
