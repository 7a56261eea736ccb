"""Which devices are linked to a phone: adding, unlinking from the phone, logout by the client."""

from collections.abc import Callable

from sandbox.network.connection import Connection
from sandbox.network.errors import Refusal
from sandbox.network.groups_keys import forget_own_keys
from sandbox.network.groups_notices import new_notification_id, notification_key
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Device, Phone
from sandbox.network.registry import answers
from sandbox.wire import stanzas
from sandbox.wire.device_hashes import device_hash
from sandbox.wire.jids import Jid
from sandbox.wire.nodes import Node, StanzaError

DEVICE_REMOVED = 401
ADDED, REMOVED = "add", "remove"

Listener = Callable[[Network, Device], None]
_listeners: list[Listener] = []


def when_linked(listener: Listener) -> Listener:
    """Call the decorated function with each new device, before its first login."""
    _listeners.append(listener)
    return listener


def add(network: Network, device: Device) -> None:
    """Link a device and tell who has cached the phone's device list."""
    device.phone.devices[device.number] = device
    network.store.save_device(device)
    _announce_change(network, device, ADDED)
    for listener in _listeners:
        listener(network, device)


def remove(network: Network, device: Device) -> None:
    """Unlink a device; its keys, queue and the phones' sessions with it are forgotten."""
    phone = device.phone
    phone.devices.pop(device.number, None)
    network.store.delete_device(phone.digits, device.number)
    network.store.delete_sessions_with(str(device.lid))
    for readers in (*network.device_list_readers.values(), *network.subscriptions.values()):
        readers.discard(device)
    for group in network.groups.of(phone.digits):
        forget_own_keys(network, group)
    _announce_change(network, device, REMOVED)


def _announce_change(network: Network, device: Device, change: str) -> None:
    """Others who have cached the list hear what is new, by either address; the companions of the
    phone itself get the whole list."""
    phone = device.phone
    numbers = [PHONE_DEVICE, *phone.devices]
    for address in (phone.jid, phone.lid):
        news = stanzas.devices_changed(
            address,
            new_notification_id(),
            network.now(),
            change=change,
            device=address.at_device(device.number),
            device_hash=device_hash(address.at_device(number) for number in numbers),
        )
        for reader in network.device_list_readers.get(phone.digits, set()):
            if reader.phone is not phone:
                network.deliver(reader, news, notification_key(news.text("id")))
    addresses = [phone.jid.at_device(number) for number in numbers]
    own = stanzas.own_devices_changed(
        phone.jid, new_notification_id(), network.now(), addresses, device_hash(addresses)
    )
    for companion in phone.devices.values():
        if companion is not device:
            network.deliver(companion, own, notification_key(own.text("id")))


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
