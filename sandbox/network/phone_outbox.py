"""Messages that a virtual phone sends: encrypted for every device of the receiver, and for the
sender's own companions as copies; and encrypted once more for who could not read them."""

import asyncio
import logging
import secrets
import time

from sandbox import contents
from sandbox.network import phone_inbox
from sandbox.network.hub import Network
from sandbox.network.messages import message_key
from sandbox.network.model import Device, Phone
from sandbox.network.prekeys import take_bundle
from sandbox.network.registration import require_online
from sandbox.network.store import SentMessage
from sandbox.signal.session import Session
from sandbox.wire import stanzas
from sandbox.wire.jids import Jid
from sandbox.wire.key_nodes import KeyBundle, read_retry_bundle
from sandbox.wire.nodes import Attribute, Node

log = logging.getLogger(__name__)

MESSAGES_PER_TURN = 20
"""How many messages are encrypted before the event loop gets a chance to do other things."""
TEXT = "text"


def new_ids(count: int) -> list[str]:
    """Message ids as phones make them: `3A` and 18 hexadecimal digits."""
    return ["3A" + secrets.token_hex(9).upper() for _ in range(count)]


async def send_texts(
    network: Network, sender: Phone, receiver: Phone, text: str, ids: list[str], rate: float | None
) -> None:
    """Send one text per id, `{n}` replaced by its index, at `rate` per second or at full speed.

    Stops early when the sending phone goes offline. Raises Refusal (phone_offline) at the start.
    """
    require_online(sender)
    started = time.monotonic()
    for index, wa_id in enumerate(ids):
        if rate:
            await asyncio.sleep(started + index / rate - time.monotonic())
        elif index and index % MESSAGES_PER_TURN == 0:
            await asyncio.sleep(0)
        if not sender.online:
            log.info("%s went offline after %d of %d messages", sender.number, index, len(ids))
            return
        send_text(network, sender, receiver, text.replace("{n}", str(index)), wa_id)
        network.commit_soon()


def send_text(network: Network, sender: Phone, receiver: Phone, text: str, wa_id: str) -> None:
    """Send one text now."""
    plaintext = contents.text_message(text)
    network.store.save_sent(sender.digits, wa_id, SentMessage(receiver.digits, plaintext))
    for device in list(receiver.devices.values()):
        _deliver(network, sender, receiver, device, wa_id, plaintext)
    for device in list(sender.devices.values()):
        if receiver is not sender:
            _deliver(network, sender, receiver, device, wa_id, plaintext)
    encrypted = _encrypt(network, sender, receiver.lid, plaintext)
    phone_inbox.take(
        network, receiver, _stanza(network, sender, receiver, receiver, wa_id, encrypted)
    )


def resend(network: Network, sender: Phone, wa_id: str, device: Device, request: Node) -> None:
    """Answer a retry receipt: the same message in a fresh session. Raises StanzaError (400)."""
    message = network.store.sent(sender.digits, wa_id)
    retry = request.require("retry")
    if message is None:
        log.warning("%s never sent %s", sender.number, wa_id)
        return
    bundle = read_retry_bundle(request) or take_bundle(network, device.lid)
    if bundle is None:
        return
    _start_session(network, sender, device.lid, bundle)
    receiver = network.phone(message.recipient)
    count = int(retry.text("count") or "1")
    _deliver(network, sender, receiver, device, wa_id, message.body, retry_count=count)


def _deliver(
    network: Network,
    sender: Phone,
    receiver: Phone,
    device: Device,
    wa_id: str,
    plaintext: bytes,
    *,
    retry_count: int | None = None,
) -> None:
    """Encrypt for one companion, of the receiver or of the sender, and hand it over."""
    if device.phone is sender:
        plaintext = contents.device_sent(str(receiver.jid), plaintext)
    encrypted = _encrypt(network, sender, device.lid, plaintext, retry_count=retry_count)
    stanza = _stanza(network, sender, receiver, device.phone, wa_id, encrypted)
    network.deliver(device, stanza, message_key(wa_id))


def _stanza(
    network: Network, sender: Phone, receiver: Phone, owner: Phone, wa_id: str, encrypted: Node
) -> Node:
    attrs: dict[str, Attribute] = (
        stanzas.own_copy(sender.lid, receiver.lid, receiver.jid)
        if owner is sender
        else stanzas.incoming(sender.lid, sender.jid)
    )
    return stanzas.message(
        wa_id, network.now(), kind=TEXT, sender=attrs, name=sender.name, content=[encrypted]
    )


def _encrypt(
    network: Network,
    sender: Phone,
    address: Jid,
    plaintext: bytes,
    *,
    retry_count: int | None = None,
) -> Node:
    session = network.store.session(sender.digits, str(address))
    if session is None:
        bundle = take_bundle(network, address)
        if bundle is None:
            raise LookupError(f"{address} has no keys")
        session = _start_session(network, sender, address, bundle)
    kind, ciphertext = session.encrypt(sender.keys, plaintext)
    network.store.save_session(sender.digits, str(address), session)
    return stanzas.encrypted(kind, ciphertext, retry_count=retry_count)


def _start_session(network: Network, sender: Phone, address: Jid, bundle: KeyBundle) -> Session:
    session = network.store.session(sender.digits, str(address)) or Session()
    session.start(sender.keys, bundle)
    network.store.save_session(sender.digits, str(address), session)
    return session
