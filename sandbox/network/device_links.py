"""Which devices are linked to a phone: adding, unlinking from the phone, logout by the client."""

from sandbox.network.connection import Connection
from sandbox.network.errors import Refusal
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.network.registry import answers
from sandbox.wire import stanzas
from sandbox.wire.jids import Jid
from sandbox.wire.nodes import Node, StanzaError

DEVICE_REMOVED = 401


def add(network: Network, device: Device) -> None:
    """Link a device and tell who has cached the phone's device list."""
    device.phone.devices[device.number] = device
    network.store.save_device(device)
    _announce_change(network, device.phone)


def remove(network: Network, device: Device) -> None:
    """Unlink a device; its keys, queue and the phones' sessions with it are forgotten."""
    phone = device.phone
    phone.devices.pop(device.number, None)
    network.store.delete_device(phone.digits, device.number)
    network.store.delete_sessions_with(str(device.lid))
    for readers in (*network.device_list_readers.values(), *network.subscriptions.values()):
        readers.discard(device)
    _announce_change(network, phone)


def _announce_change(network: Network, phone: Phone) -> None:
    """Clients cache device lists by either address, so both are announced."""
    for reader in network.device_list_readers.pop(phone.digits, set()):
        if reader.connection:
            for jid in (phone.jid, phone.lid):
                node_id = network.next_id()
                change = stanzas.device_list_changed(jid, node_id, network.now())
                reader.connection.send(change)


def unlink(network: Network, phone: Phone, jid: str | None) -> list[Device]:
    """Remove one device (by number or hidden id), or all; a connected one is told at once.

    Raises Refusal (unknown_device).
    """
    devices = [
        device
        for device in phone.devices.values()
        if jid is None or jid in (str(device.jid), str(device.lid))
    ]
    if jid is not None and not devices:
        raise Refusal("unknown_device", f"{jid} is not linked to {phone.number}")
    for device in devices:
        connection = device.connection
        remove(network, device)
        if connection:
            connection.finish(stanzas.stream_error(DEVICE_REMOVED, "device_removed"))
    return devices


@answers("md", "set", "remove-companion-device")
def log_out(connection: Connection, iq: Node) -> list[Node]:
    """The client unlinks itself (or a sibling); a removed sibling is told at once."""
    own = connection.require_device()
    jid: Jid = iq.require("remove-companion-device").require_jid("jid")
    removed = own.phone.devices.get(jid.device) if own.phone.owns(jid) else None
    if removed is None:
        raise StanzaError(404, "item-not-found")
    remove(connection.network, removed)
    if removed.connection and removed is not own:
        removed.connection.finish(stanzas.stream_error(DEVICE_REMOVED, "device_removed"))
    elif removed is own:
        connection.hang_up()
    return []
