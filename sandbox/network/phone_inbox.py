"""What a virtual phone does with a message: decrypt, show, confirm, or ask for it again."""

import logging

from sandbox import contents
from sandbox.contents import MessageContent
from sandbox.network import delivery, groups_inbox, inbox_entries, phone_peers
from sandbox.network.errors import Refusal
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Phone
from sandbox.signal.errors import DuplicateMessageError, SignalError
from sandbox.wire import stanzas
from sandbox.wire.decoder import decode_node
from sandbox.wire.errors import WireError
from sandbox.wire.jids import Jid
from sandbox.wire.key_nodes import bundle_keys
from sandbox.wire.nodes import Node

log = logging.getLogger(__name__)

MAX_RETRIES = 4
READ, PLAYED = "read", "played"


def take(network: Network, phone: Phone, stanza: Node) -> None:
    """A message for the phone itself; kept while the phone is offline."""
    if not phone.online:
        network.hold_for_phone(phone, stanza, f"message|{stanza.text('id')}")
        return
    _open(network, phone, stanza)


def come_online(network: Network, phone: Phone) -> None:
    """The phone is back and reads what arrived meanwhile."""
    phone.online = True
    network.store.save_phone(phone)
    for stanza in network.store.pending(phone.digits, PHONE_DEVICE):
        node = decode_node(stanza.body)
        network.store.settle(phone.digits, PHONE_DEVICE, f"message|{node.text('id')}")
        _open(network, phone, node)


def go_offline(network: Network, phone: Phone) -> None:
    """The phone stops receiving; its companions are not affected."""
    phone.online = False
    network.store.save_phone(phone)


def _open(network: Network, phone: Phone, stanza: Node) -> None:
    encrypted = stanza.child("enc")
    if encrypted is None:
        log.warning("%s got a message without a ciphertext: %s", phone.number, stanza)
        return
    try:
        plaintext = groups_inbox.decrypt(network, phone, stanza)
        content = None if plaintext is None else contents.read_message(plaintext)
    except DuplicateMessageError:
        log.info("%s got %s twice", phone.number, stanza.text("id"))
        return
    except (SignalError, WireError) as error:
        log.warning("%s cannot read %s: %s", phone.number, stanza.text("id"), error)
        _ask_again(network, phone, stanza, encrypted)
        return
    if content:
        _show(network, phone, stanza, content)


def _ask_again(network: Network, phone: Phone, stanza: Node, encrypted: Node) -> None:
    count = int(encrypted.text("count") or "0") + 1
    device = network.find_device(groups_inbox.author_address(stanza))
    if device is None or count > MAX_RETRIES:
        return
    bundle = phone.bundle()
    request = stanzas.retry_receipt(
        stanza.text("id"),
        phone.lid,
        network.now(),
        count=count,
        registration=bundle.registration,
        keys=Node("keys", {}, bundle_keys(bundle)),
    )
    recipient = stanza.jid("recipient")
    if recipient:
        request.attrs["recipient"] = recipient
    if group := groups_inbox.group_address(stanza):
        request.attrs |= {"from": group, "participant": phone.lid}
    delivery.deliver_receipt(network, device, request)


def _show(network: Network, phone: Phone, stanza: Node, content: MessageContent) -> None:
    author = groups_inbox.author_address(stanza)
    sender = network.find(author)
    if sender is None:
        return
    wa_id = stanza.text("id")
    group = str(groups_inbox.group_address(stanza) or "")
    chat = network.find(stanza.jid("recipient") or phone.jid) if sender is phone else phone
    if content.kind == contents.PROTOCOL_KIND:
        phone_peers.answer(network, phone, author, wa_id, content)
    else:
        inbox_entries.show(network, phone, sender, wa_id, content, chat=chat, group=group)
    if sender is not phone:
        _confirm(network, phone, sender, wa_id, "", group)


def mark_read(network: Network, phone: Phone, wa_id: str, kind: str = READ) -> None:
    """Tell the sender that the message was read or played. Raises Refusal (unknown_message)."""
    message = network.store.inbox_message(phone.digits, wa_id)
    if message is None or message["from_me"]:
        raise Refusal("unknown_message", f"{phone.number} has no message {wa_id} from others")
    sender = network.phone(message["from"].removeprefix("+"))
    _confirm(network, phone, sender, wa_id, kind, message.get("group", ""))


def _confirm(
    network: Network, reader: Phone, sender: Phone, wa_id: str, kind: str, group_jid: str
) -> None:
    """Give a receipt to the sender's phone and to all its companions."""
    group = network.groups.find(Jid.parse(group_jid)) if group_jid else None
    if group:
        groups_inbox.confirm(network, reader, sender, group, wa_id, kind)
        return
    delivery.note_receipt(network, sender, reader, PHONE_DEVICE, wa_id, kind)
    for device in list(sender.devices.values()):
        receipt = stanzas.receipt(wa_id, reader.lid, network.now(), kind)
        delivery.deliver_receipt(network, device, receipt)
