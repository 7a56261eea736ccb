"""Profile pictures: set and asked for by iq, fetched over HTTPS from the same proxy.

Source: whatsmeow user.go (GetProfilePictureInfo). 404 means that there is none, status 304 that
the picture with the id the client knows is still the one.
"""

import itertools

from sandbox.network import faults
from sandbox.network.connection import Connection
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
    phone = network.find(iq.jid("target") or device.jid)
    hidden = network.faults.use(faults.NO_AVATAR, digits, number)
    if phone is None or not phone.picture_id or hidden:
        raise StanzaError(404, "item-not-found")
    asked = iq.require("picture")
    if asked.text("id") == phone.picture_id:
        return [Node("picture", {"status": 304})]
    path = f"{PATH}{phone.picture_id}.jpg?ccb=11-4"
    attrs = {
        "id": phone.picture_id,
        "type": asked.text("type"),
        "url": f"https://{HOST}{path}",
        "direct_path": path,
    }
    return [Node("picture", dict(attrs))]


@answers(XMLNS, "set", "picture")
@answers(XMLNS, "set", "")
def set_own_picture(connection: Connection, iq: Node) -> list[Node]:
    """The client replaces or removes its account's picture."""
    device = connection.require_device()
    picture = iq.child("picture")
    set_picture(connection.network, device.phone, picture.data if picture else b"")
    picture_id = device.phone.picture_id
    return [Node("picture", {"id": picture_id})] if picture_id else []


def set_picture(network: Network, phone: Phone, picture: bytes) -> None:
    """Replace the picture (empty bytes: remove it) and tell everybody who is connected."""
    phone.picture_id = f"{network.now()}{next(_sequence):04d}" if picture else ""
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
    return b""
