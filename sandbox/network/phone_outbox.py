"""Messages that a virtual phone sends: encrypted for every device of the receiver, and for the
sender's own companions as copies; and encrypted once more for who could not read them."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from sandbox import contents
from sandbox.contents.traits import Traits, traits_of
from sandbox.network import blocklists, phone_inbox, phone_sessions
from sandbox.network.archive import Known
from sandbox.network.delivery import message_key
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.network.prekeys import take_bundle
from sandbox.network.registration import require_online
from sandbox.network.store import SentMessage
from sandbox.signal.ciphertexts import broken
from sandbox.wire import stanzas
from sandbox.wire.jids import Jid
from sandbox.wire.key_nodes import read_retry_bundle
from sandbox.wire.nodes import Attribute, Node

log = logging.getLogger(__name__)

MESSAGES_PER_TURN = 20
"""How many messages are encrypted before the event loop gets a chance to do other things."""
UNREADABLE_ONCE, UNREADABLE, UNAVAILABLE, PEER = "until_retry", "forever", "unavailable", "peer"
"""Manners of sending: a broken ciphertext that is put right when asked for, or never; companions
only hear that there is a message; between the devices of one account."""
VIEW_ONCE = "view_once"
PEER_KIND = "peer_msg"


def new_ids(count: int) -> list[str]:
    """Message ids as phones make them: `3A` and 18 hexadecimal digits."""
    return ["3A" + secrets.token_hex(9).upper() for _ in range(count)]


async def send_each(
    network: Network,
    sender: Phone,
    ids: list[str],
    rate: float | None,
    send: Callable[[int, str], None],
) -> None:
    """Call `send` with index and id, `rate` times per second or at full speed.

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
        send(index, wa_id)
        network.commit_soon()


def send_message(
    network: Network, sender: Phone, receiver: Phone, plaintext: bytes, wa_id: str, manner: str = ""
) -> None:
    """Send one message of any type now, in one of the manners above."""
    _remember(network, sender, receiver, plaintext, wa_id, manner)
    wanted = not blocklists.has_blocked(network, receiver, sender)
    for device in list(receiver.devices.values()) if wanted else ():
        _deliver(network, sender, receiver, device, wa_id, plaintext, manner)
    for device in list(sender.devices.values()):
        if receiver is not sender:
            _deliver(network, sender, receiver, device, wa_id, plaintext, manner)
    if not wanted or receiver is sender:  # a note to oneself stays on the phone
        return
    traits = traits_of(plaintext)
    encrypted = _encrypt(network, sender, receiver.lid, plaintext, traits)
    stanza = _stanza(network, sender, receiver, receiver, wa_id, traits, encrypted)
    phone_inbox.take(network, receiver, stanza)


def _remember(
    network: Network, sender: Phone, receiver: Phone, plaintext: bytes, wa_id: str, manner: str
) -> None:
    network.store.save_sent(sender.digits, wa_id, SentMessage(receiver.digits, plaintext))
    known = Known(wa_id, str(receiver.lid), str(sender.lid), True, network.now(), plaintext)
    network.archive.save(sender.digits, known)
    if manner:
        network.archive.save_manner(sender.digits, wa_id, manner)


def send_peer(
    network: Network, phone: Phone, device: Device, plaintext: bytes, wa_id: str = ""
) -> str:
    """A message from the phone to its own companion that is not for people; its id."""
    wa_id = wa_id or new_ids(1)[0]
    network.store.save_sent(phone.digits, wa_id, SentMessage(phone.digits, plaintext))
    network.archive.save_manner(phone.digits, wa_id, PEER)
    _deliver_peer(network, phone, device, wa_id, plaintext)
    return wa_id


def _deliver_peer(
    network: Network,
    phone: Phone,
    device: Device,
    wa_id: str,
    plaintext: bytes,
    retry_count: int | None = None,
) -> None:
    kind, ciphertext = phone_sessions.encrypt(network, phone, device.lid, plaintext)
    stanza = stanzas.message(
        wa_id,
        network.now(),
        kind=PEER_KIND,
        sender={"from": phone.lid, "category": "peer"},
        name=phone.name,
        content=[stanzas.encrypted(kind, ciphertext, retry_count=retry_count)],
    )
    network.deliver(device, stanza, message_key(wa_id))


def resend(network: Network, sender: Phone, wa_id: str, device: Device, request: Node) -> None:
    """Answer a retry receipt: the same message in a fresh session. Raises StanzaError (400)."""
    message = network.store.sent(sender.digits, wa_id)
    retry = request.require("retry")
    manner = network.archive.manner(sender.digits, wa_id)
    if message is None or manner == UNREADABLE:
        log.warning("%s will not send %s again", sender.number, wa_id)
        return
    bundle = read_retry_bundle(request) or take_bundle(network, device.lid)
    if bundle is None:
        return
    phone_sessions.start(network, sender, device.lid, bundle)
    count = int(retry.text("count") or "1")
    if manner == PEER:
        _deliver_peer(network, sender, device, wa_id, message.body, count)
        return
    receiver = network.phone(message.recipient)
    _deliver(network, sender, receiver, device, wa_id, message.body, retry_count=count)


def _deliver(
    network: Network,
    sender: Phone,
    receiver: Phone,
    device: Device,
    wa_id: str,
    plaintext: bytes,
    manner: str = "",
    *,
    retry_count: int | None = None,
) -> None:
    """Encrypt for one companion, of the receiver or of the sender, and hand it over."""
    traits = traits_of(plaintext)
    if manner.startswith(UNAVAILABLE):
        content = stanzas.unavailable(manner.removeprefix(UNAVAILABLE).removeprefix(":"))
    else:
        if device.phone is sender:
            plaintext = contents.device_sent(str(receiver.jid), plaintext)
        content = _encrypt(network, sender, device.lid, plaintext, traits, retry_count)
        if manner in (UNREADABLE, UNREADABLE_ONCE):
            content.content = broken(content.text("type"), content.data)
    stanza = _stanza(network, sender, receiver, device.phone, wa_id, traits, content)
    network.deliver(device, stanza, message_key(wa_id))


def _stanza(
    network: Network,
    sender: Phone,
    receiver: Phone,
    owner: Phone,
    wa_id: str,
    traits: Traits,
    content: Node,
) -> Node:
    attrs: dict[str, Attribute] = (
        stanzas.own_copy(sender.lid, receiver.lid, receiver.jid)
        if owner is sender
        else stanzas.incoming(sender.lid, sender.jid)
    )
    meta = [stanzas.poll_meta(traits.poll_type)] if traits.poll_type else []
    return stanzas.message(
        wa_id,
        network.now(),
        kind=traits.kind,
        sender=attrs | {"edit": traits.edit},
        name=sender.name,
        content=[content, *meta],
    )


def _encrypt(
    network: Network,
    sender: Phone,
    address: Jid,
    plaintext: bytes,
    traits: Traits,
    retry_count: int | None = None,
) -> Node:
    kind, ciphertext = phone_sessions.encrypt(network, sender, address, plaintext)
    return stanzas.encrypted(
        kind,
        ciphertext,
        retry_count=retry_count,
        media_type=traits.media_type,
        hidden=traits.hidden,
    )
