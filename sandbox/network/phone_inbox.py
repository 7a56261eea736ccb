"""What a virtual phone does with a message: decrypt, show, confirm, or ask for it again."""

import logging

from sandbox import contents
from sandbox.contents import MessageContent
from sandbox.network import delivery
from sandbox.network.errors import Refusal
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Phone
from sandbox.signal.errors import DuplicateMessageError, SignalError
from sandbox.signal.session import Session
from sandbox.wire import stanzas
from sandbox.wire.decoder import decode_node
from sandbox.wire.errors import WireError
from sandbox.wire.jids import Jid
from sandbox.wire.key_nodes import bundle_keys
from sandbox.wire.nodes import Node

log = logging.getLogger(__name__)

MAX_RETRIES = 4
READ = "read"


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
    sender = stanza.require_jid("from")
    encrypted = stanza.child("enc")
    if encrypted is None:
        log.warning("%s got a message without a ciphertext from %s", phone.number, sender)
        return
    try:
        content = _decrypt(network, phone, sender, encrypted)
    except DuplicateMessageError:
        log.info("%s got %s twice", phone.number, stanza.text("id"))
        return
    except (SignalError, WireError) as error:
        log.warning("%s cannot read %s: %s", phone.number, stanza.text("id"), error)
        _ask_again(network, phone, stanza, encrypted)
        return
    _show(network, phone, stanza, content)


def _decrypt(network: Network, phone: Phone, sender: Jid, encrypted: Node) -> MessageContent:
    remote = str(sender)
    session = network.store.session(phone.digits, remote) or Session()
    plaintext = session.decrypt(phone.keys, encrypted.text("type"), encrypted.data)
    network.store.save_session(phone.digits, remote, session)
    return contents.read_message(plaintext)


def _ask_again(network: Network, phone: Phone, stanza: Node, encrypted: Node) -> None:
    count = int(encrypted.text("count") or "0") + 1
    device = network.find_device(stanza.require_jid("from"))
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
    delivery.deliver_receipt(network, device, request)


def _show(network: Network, phone: Phone, stanza: Node, content: MessageContent) -> None:
    sender = network.find(stanza.require_jid("from"))
    if sender is None:
        return
    wa_id = stanza.text("id")
    from_me = sender is phone
    if content.kind != contents.PROTOCOL_KIND:
        chat = network.find(stanza.jid("recipient") or phone.jid) if from_me else phone
        document = {
            "wa_id": wa_id,
            "from": sender.number,
            "to": (chat or phone).number,
            "type": content.kind,
            "text": content.text,
            "timestamp": network.now(),
            "from_me": from_me,
        }
        network.store.add_inbox(phone.digits, wa_id, document)
    if not from_me:
        _confirm(network, phone, sender, wa_id, "")


def mark_read(network: Network, phone: Phone, wa_id: str) -> None:
    """Tell the sender that the message was read. Raises Refusal (unknown_message)."""
    message = network.store.inbox_message(phone.digits, wa_id)
    if message is None or message["from_me"]:
        raise Refusal("unknown_message", f"{phone.number} has no message {wa_id} from others")
    sender = network.phone(message["from"].removeprefix("+"))
    _confirm(network, phone, sender, wa_id, READ)


def _confirm(network: Network, reader: Phone, sender: Phone, wa_id: str, kind: str) -> None:
    """Give a receipt to the sender's phone and to all its companions."""
    delivery.note_receipt(network, sender, reader, PHONE_DEVICE, wa_id, kind)
    for device in list(sender.devices.values()):
        receipt = stanzas.receipt(wa_id, reader.lid, network.now(), kind)
        delivery.deliver_receipt(network, device, receipt)
