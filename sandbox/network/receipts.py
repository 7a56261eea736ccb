"""Receipts and acks from clients: they end the waiting of stanzas, and receipts travel on.

Source: whatsmeow receipt.go and message.go. A decrypted message is confirmed by its receipt alone;
an `<ack class=message>` comes only for one that could not be read, next to a retry receipt.
"""

from sandbox.network import delivery, groups_receipts, phone_outbox
from sandbox.network.calls import call_key
from sandbox.network.connection import Connection
from sandbox.network.delivery import message_key
from sandbox.network.groups_notices import notification_key
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Device, Phone
from sandbox.wire import stanzas
from sandbox.wire.nodes import Attribute, Node

RETRY = "retry"
PRIVATE_TYPES = frozenset({"sender", "peer_msg", "hist_sync", "read-self", "played-self"})
"""Between the devices of one account, or for the server only."""


def take_receipt(connection: Connection, receipt: Node) -> None:
    """Acknowledge a receipt, settle what it confirms and pass it on."""
    connection.send(stanzas.receipt_ack(receipt))
    device = connection.require_device()
    network = connection.network
    kind = receipt.text("type")
    to = receipt.require_jid("to")
    sender, group = network.find(to), network.groups.find(to)
    if kind == RETRY:
        if group:
            groups_receipts.pass_on_retry(network, device, receipt, group)
        elif sender:
            _pass_on_retry(network, device, sender, receipt)
        return
    ids = _message_ids(receipt)
    for wa_id in ids:
        network.store.settle(device.phone.digits, device.number, message_key(wa_id))
    if group and kind not in PRIVATE_TYPES:
        groups_receipts.pass_on(network, device, receipt, ids, group)
    if sender and sender is not device.phone and kind not in PRIVATE_TYPES:
        _pass_on(network, device, sender, receipt, ids)


def _message_ids(receipt: Node) -> list[str]:
    more = receipt.child("list")
    items = more.children if more else ()
    return [receipt.text("id"), *(item.text("id") for item in items)]


def _pass_on(
    network: Network, reader: Device, sender: Phone, receipt: Node, ids: list[str]
) -> None:
    for wa_id in ids:
        delivery.note_receipt(
            network, sender, reader.phone, reader.number, wa_id, receipt.text("type")
        )
    forwarded = _forwarded(network, reader, receipt)
    addressed = receipt.require_jid("to").device
    for device in list(sender.devices.values()):
        if addressed in (PHONE_DEVICE, device.number):
            delivery.deliver_receipt(network, device, forwarded)


def _pass_on_retry(network: Network, reader: Device, sender: Phone, receipt: Node) -> None:
    """Only the device that encrypted the message can encrypt it again."""
    number = receipt.require_jid("to").device
    if number == PHONE_DEVICE:
        phone_outbox.resend(network, sender, receipt.text("id"), reader, receipt)
    elif device := sender.devices.get(number):
        delivery.deliver_receipt(network, device, _forwarded(network, reader, receipt))


def _forwarded(network: Network, reader: Device, receipt: Node) -> Node:
    """The receipt as the other side sees it: from the reader, by the kind of address it used."""
    by_lid = receipt.require_jid("to").server == reader.lid.server
    attrs: dict[str, Attribute] = {
        **receipt.attrs,
        "from": reader.lid if by_lid else reader.jid,
        "t": network.now(),
    }
    del attrs["to"]
    return Node("receipt", attrs, receipt.content)


def take_ack(connection: Connection, ack: Node) -> None:
    """The client is done with a stanza."""
    device = connection.require_device()
    store = connection.network.store
    digits, number = device.phone.digits, device.number
    kind = ack.text("class")
    if kind == "message":
        store.settle_copy(digits, number, message_key(ack.text("id")))
    elif kind == "call":
        store.settle(digits, number, call_key(ack.text("id")))
    elif kind == "notification":
        store.settle(digits, number, notification_key(ack.text("id")))
    elif kind == "receipt":
        store.settle(digits, number, delivery.receipt_key(ack, ack.text("to")))
