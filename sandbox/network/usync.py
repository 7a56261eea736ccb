"""usync: the one query for who is on WhatsApp, with which devices, hidden id, picture and status.

Source: whatsmeow user.go. A hidden id must be in every answer to a `lid` query, or whatsmeow cannot
send to that person. Whoever reads a device list is told when it changes.
"""

from sandbox.network.connection import Connection
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Device, Phone
from sandbox.network.registry import answers
from sandbox.wire.jids import LEGACY_SERVER, Jid
from sandbox.wire.nodes import Attribute, Node


@answers("usync", "get", "usync")
def answer(connection: Connection, iq: Node) -> list[Node]:
    """One entry per person asked for."""
    query = iq.require("usync")
    questions = {question.tag: question for question in query.require("query").children}
    reader = connection.require_device()
    network = connection.network
    users = [_user(network, reader, user, questions) for user in query.require("list").children]
    attrs: dict[str, Attribute] = {
        key: query.text(key) for key in ("sid", "index", "last", "mode", "context")
    }
    outcome = Node("result", {}, [Node(tag) for tag in questions])
    return [Node("usync", attrs, [outcome, Node("list", {}, users)])]


def _user(network: Network, reader: Device, user: Node, questions: dict[str, Node]) -> Node:
    contact = user.child("contact")
    asked = user.jid("jid")
    if asked is None:
        asked = _from_contact(contact.data if contact else b"")
    phone = network.find(asked)
    typed = contact.data if contact else None
    if phone is None:
        outside = [Node("contact", {"type": "out"}, typed)] if "contact" in questions else []
        return Node("user", {"jid": asked}, outside)
    content = _answers(phone, typed, questions)
    if "devices" in questions:
        network.device_list_readers.setdefault(phone.digits, set()).add(reader)
        content.append(_devices(phone))
    return Node("user", _addresses(phone, asked, questions), content)


def _from_contact(typed: bytes) -> Jid:
    """The address for a number as a person writes it: `+15550001@c.us` or without the rest."""
    text = typed.decode(errors="replace").removesuffix(f"@{LEGACY_SERVER}")
    return Jid("".join(character for character in text if character.isdigit()))


def _addresses(phone: Phone, asked: Jid, questions: dict[str, Node]) -> dict[str, Attribute]:
    contact = questions.get("contact")
    if contact and contact.text("addressing_mode") == "lid":
        return {"jid": phone.lid, "pn_jid": phone.jid}
    return {"jid": asked, "pn_jid": phone.jid if asked.bare == phone.lid else None}


def _answers(phone: Phone, typed: bytes | None, questions: dict[str, Node]) -> list[Node]:
    content = []
    if "contact" in questions:
        content.append(Node("contact", {"type": "in"}, typed))
    if "lid" in questions:
        content.append(Node("lid", {"val": phone.lid}))
    if "status" in questions:
        content.append(Node("status", {"t": phone.created}, phone.about.encode()))
    if "picture" in questions and phone.picture_id:
        content.append(Node("picture", {"id": phone.picture_id}))
    return content


def _devices(phone: Phone) -> Node:
    devices = [Node("device", {"id": str(PHONE_DEVICE)})]
    devices += [
        Node("device", {"id": str(number), "key-index": str(number)}) for number in phone.devices
    ]
    return Node("devices", {}, [Node("device-list", {}, devices)])
