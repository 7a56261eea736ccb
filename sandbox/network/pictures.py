"""Profile pictures: set and asked for by iq, fetched over HTTPS from the same proxy.

Source: whatsmeow user.go (GetProfilePictureInfo). 404 means that there is none, status 304 that
the picture with the id the client knows is still the one.
"""

import itertools

from sandbox.network import faults, groups_pictures
from sandbox.network.connection import Connection
from sandbox.network.groups import Group
from sandbox.network.groups_rules import GroupRefusal
from sandbox.network.hub import Network
from sandbox.network.model import Phone
from sandbox.network.registry import answers
from sandbox.wire import stanzas
from sandbox.wire.nodes import Node, StanzaError

XMLNS = "w:profile:picture"
HOST = "pps.whatsapp.net"
PATH = "/v/t61.24694-24/"
_sequence = itertools.count()


@answers(XMLNS, "get", "picture")
def get_picture(connection: Connection, iq: Node) -> list[Node] | None:
    """Where to find somebody's picture."""
    network = connection.network
    device = connection.require_device()
    digits, number = device.phone.digits, device.number
    if network.faults.use(faults.AVATAR_TIMEOUT, digits, number):
        return None
    target = iq.jid("target") or device.jid
    owner: Phone | Group | None = network.find(target) or network.groups.find(target)
    hidden = network.faults.use(faults.NO_AVATAR, digits, number)
    if owner is None or not owner.picture_id or hidden:
        raise StanzaError(404, "item-not-found")
    asked = iq.require("picture")
    if asked.text("id") == owner.picture_id:
        return [Node("picture", {"status": 304})]
    path = f"{PATH}{owner.picture_id}.jpg?ccb=11-4"
    attrs = {
        "id": owner.picture_id,
        "type": asked.text("type"),
        "url": f"https://{HOST}{path}",
        "direct_path": path,
    }
    return [Node("picture", dict(attrs))]


@answers(XMLNS, "set", "picture")
@answers(XMLNS, "set", "")
def change_picture(connection: Connection, iq: Node) -> list[Node]:
    """The client replaces or removes the picture of its account, or of a group."""
    network, device = connection.network, connection.require_device()
    node = iq.child("picture")
    picture = node.data if node else b""
    group = network.groups.find(iq.jid("target") or device.jid)
    if group:
        try:
            set_group_picture(network, group, device.phone, picture)
        except GroupRefusal as refusal:
            raise StanzaError(refusal.number, refusal.text) from refusal
    else:
        set_picture(network, device.phone, picture)
    picture_id = group.picture_id if group else device.phone.picture_id
    return [Node("picture", {"id": picture_id})] if picture_id else []


def set_group_picture(network: Network, group: Group, author: Phone, picture: bytes) -> None:
    """Replace a group's picture (empty bytes: remove it). Raises GroupRefusal (403)."""
    groups_pictures.set_picture(network, group, author, picture, _new_id(network))


def _new_id(network: Network) -> str:
    return f"{network.now()}{next(_sequence):04d}"


def set_picture(network: Network, phone: Phone, picture: bytes) -> None:
    """Replace the picture (empty bytes: remove it) and tell everybody who is connected."""
    phone.picture_id = _new_id(network) if picture else ""
    network.store.save_phone(phone)
    network.store.save_picture(phone.digits, picture)
    for connection in network.connections:
        if connection.device and connection.device.phone is not phone:
            node_id = network.next_id()
            change = stanzas.picture_changed(phone.lid, node_id, network.now(), phone.picture_id)
            connection.send(change)


def picture_at(network: Network, path: str) -> bytes:
    """The picture behind the path of a URL, empty when there is none."""
    picture_id = path.partition("?")[0].removeprefix(PATH).removesuffix(".jpg")
    for phone in network.phones:
        if picture_id and phone.picture_id == picture_id:
            return network.store.picture(phone.digits)
    for group in network.groups:
        if picture_id and group.picture_id == picture_id:
            return groups_pictures.picture(network, group)
    return b""
