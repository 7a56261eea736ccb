"""Receipts in groups: from each member's devices to the devices of the author alone."""

from collections.abc import Sequence

from sandbox.network import delivery, groups_outbox
from sandbox.network.groups import Group
from sandbox.network.groups_inbox import note
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Device
from sandbox.wire.jids import Jid
from sandbox.wire.nodes import Attribute, Node


def pass_on(
    network: Network, reader: Device, receipt: Node, ids: Sequence[str], group: Group
) -> None:
    """A client's receipt travels to who wrote the messages."""
    address = receipt.jid("participant")
    author = network.find(address) if address else None
    if address is None or author is None or author is reader.phone:
        return
    for wa_id in ids:
        note(network, author, reader.phone, reader.number, wa_id, receipt.text("type"), group)
    forwarded = _forwarded(network, group, reader.lid, receipt)
    for device in list(author.devices.values()):
        if address.device in (PHONE_DEVICE, device.number):
            delivery.deliver_receipt(network, device, forwarded)


def pass_on_retry(network: Network, reader: Device, receipt: Node, group: Group) -> None:
    """Only the device that encrypted the message can encrypt it again."""
    address = receipt.require_jid("participant")
    author = network.find(address)
    if author is None:
        return
    if address.device == PHONE_DEVICE:
        groups_outbox.resend(network, author, group, receipt.text("id"), reader, receipt)
    elif device := author.devices.get(address.device):
        forwarded = _forwarded(network, group, reader.lid, receipt)
        delivery.deliver_receipt(network, device, forwarded)


def _forwarded(network: Network, group: Group, reader: Jid, receipt: Node) -> Node:
    attrs: dict[str, Attribute] = {
        **receipt.attrs,
        "from": group.jid,
        "participant": reader,
        "t": network.now(),
    }
    del attrs["to"]
    return Node("receipt", attrs, receipt.content)
