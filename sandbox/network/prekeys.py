"""Prekeys: devices upload them, everybody may take one of a device to start a session."""

from sandbox.network.connection import Connection
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE
from sandbox.network.registry import answers
from sandbox.wire.jids import Jid
from sandbox.wire.key_nodes import (
    REGISTRATION_BYTES,
    KeyBundle,
    bundle_user,
    read_prekey,
)
from sandbox.wire.nodes import Node


@answers("encrypt", "get", "count")
def count(connection: Connection, iq: Node) -> list[Node]:
    """How many one-time prekeys of this device are left."""
    device = connection.require_device()
    left = connection.network.store.count_prekeys(device.phone.digits, device.number)
    return [Node("count", {"value": left})]


@answers("encrypt", "set", "registration")
def upload(connection: Connection, iq: Node) -> list[Node]:
    """Store the device's keys."""
    device = connection.require_device()
    store = connection.network.store
    device.registration = iq.require("registration").require_data(REGISTRATION_BYTES)
    device.identity = iq.require("identity").require_data(32)
    device.signed_prekey = read_prekey(iq.require("skey"))
    store.save_device(device)
    uploaded = [read_prekey(node) for node in iq.require("list").children]
    store.add_prekeys(device.phone.digits, device.number, uploaded)
    return []


@answers("encrypt", "get", "key")
def fetch(connection: Connection, iq: Node) -> list[Node]:
    """The key bundles of the devices asked for."""
    network = connection.network
    connection.require_device()
    users = [_user(network, user.require_jid("jid")) for user in iq.require("key").children]
    return [Node("list", {}, users)]


def _user(network: Network, jid: Jid) -> Node:
    bundle = take_bundle(network, jid)
    if bundle is None:
        missing = Node("error", {"code": 404, "text": "item-not-found"})
        return Node("user", {"jid": jid}, [missing])
    return bundle_user(jid, bundle, network.now())


def take_bundle(network: Network, jid: Jid) -> KeyBundle | None:
    """A device's public keys, using up a one-time prekey; None for an unknown device."""
    phone = network.find(jid)
    if phone and jid.device == PHONE_DEVICE:
        return phone.bundle()
    device = network.find_device(jid)
    if device is None:
        return None
    one_time = network.store.take_prekey(device.phone.digits, device.number)
    return device.bundle(one_time)
