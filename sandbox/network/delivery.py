"""Handing receipts to devices, and noting the ones that a virtual phone gets."""

from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.wire.nodes import Node

DELIVERY = "delivery"
"""How the absent type of a delivery receipt is called outside the wire."""


def message_key(message_id: str) -> str:
    """The key under which a message waits for its receipt."""
    return f"message|{message_id}"


def receipt_key(node: Node, address: str) -> str:
    """The key under which a receipt waits for its ack; the same receipt may come from several."""
    participant = node.text("participant")
    return f"receipt|{node.text('id')}|{node.text('type')}|{address}|{participant}"


def deliver_receipt(network: Network, device: Device, receipt: Node) -> None:
    """Give a receipt to a device, now or later."""
    network.deliver(device, receipt, receipt_key(receipt, receipt.text("from")))


def note_receipt(
    network: Network, phone: Phone, reader: Phone, device: int, wa_id: str, kind: str
) -> None:
    """A virtual phone gets a receipt from device number `device` of `reader`."""
    document = {
        "wa_id": wa_id,
        "type": kind or DELIVERY,
        "from": reader.number,
        "device": device,
        "timestamp": network.now(),
    }
    network.store.add_receipt(phone.digits, document)
