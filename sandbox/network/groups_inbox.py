"""What is different when a virtual phone reads a message in a group, and confirms it."""

from sandbox.network import delivery, groups_keys
from sandbox.network.groups import Group
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Phone
from sandbox.signal.errors import SignalError
from sandbox.signal.sender_keys import GROUP_MESSAGE
from sandbox.signal.session import Session
from sandbox.wire.jids import GROUP_SERVER, Jid
from sandbox.wire.nodes import Attribute, Node


def group_address(stanza: Node) -> Jid | None:
    """The group that a message or receipt is in, None in a chat of two."""
    sender = stanza.require_jid("from")
    return sender if sender.server == GROUP_SERVER else None


def author_address(stanza: Node) -> Jid:
    """The device that wrote a message, in a group or not."""
    return stanza.require_jid("participant" if group_address(stanza) else "from")


def decrypt(network: Network, phone: Phone, stanza: Node) -> bytes | None:
    """Read every ciphertext of a message, learn the sender's key; the plaintext for people.

    None when there was only a key. Raises SignalError, WireError.
    """
    author, group = author_address(stanza), group_address(stanza)
    plaintext = None
    for encrypted in stanza.children:
        if encrypted.tag != "enc":
            continue
        if encrypted.text("type") == GROUP_MESSAGE:
            if group is None:
                raise SignalError("a group's ciphertext outside of a group")
            plaintext = _decrypt_shared(network, phone, group, author, encrypted.data)
            continue
        opened = _decrypt_own(network, phone, author, encrypted)
        distribution = groups_keys.read_announcement(opened) if group else None
        if group and distribution:
            keys = groups_keys.received_keys(network.store, phone, group, author)
            keys.learn(distribution)
            groups_keys.save_received_keys(network.store, phone, group, author, keys)
        if distribution is None or groups_keys.says_more(opened):
            plaintext = opened
    return plaintext


def _decrypt_own(network: Network, phone: Phone, author: Jid, encrypted: Node) -> bytes:
    """What was encrypted for this phone alone."""
    remote = str(author)
    session = network.store.session(phone.digits, remote) or Session()
    plaintext = session.decrypt(phone.keys, encrypted.text("type"), encrypted.data)
    network.store.save_session(phone.digits, remote, session)
    return plaintext


def _decrypt_shared(network: Network, phone: Phone, group: Jid, author: Jid, data: bytes) -> bytes:
    keys = groups_keys.received_keys(network.store, phone, group, author)
    plaintext = keys.decrypt(data)
    groups_keys.save_received_keys(network.store, phone, group, author, keys)
    return plaintext


def note(
    network: Network, author: Phone, reader: Phone, device: int, wa_id: str, kind: str, group: Group
) -> None:
    """The author's phone gets a receipt from device number `device` of `reader`."""
    document = {
        "wa_id": wa_id,
        "type": kind or delivery.DELIVERY,
        "from": reader.number,
        "device": device,
        "timestamp": network.now(),
        "group": str(group.jid),
    }
    network.store.add_receipt(author.digits, document)


def confirm(
    network: Network, reader: Phone, author: Phone, group: Group, wa_id: str, kind: str
) -> None:
    """A virtual phone gives a receipt to the author's phone and to all its companions."""
    note(network, author, reader, PHONE_DEVICE, wa_id, kind, group)
    attrs: dict[str, Attribute] = {
        "id": wa_id,
        "from": group.jid,
        "participant": reader.lid,
        "t": network.now(),
        "type": kind,
    }
    for device in list(author.devices.values()):
        delivery.deliver_receipt(network, device, Node("receipt", dict(attrs)))
