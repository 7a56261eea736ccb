"""What a virtual phone says in a group: once with its sender key, and the key to who lacks it.

The plaintext is the same as in a chat of two; what the stanza says about it comes from the
contents, so that every type of message works here by itself.
"""

import logging
from collections.abc import Iterator

from sandbox.contents.traits import Traits, traits_of
from sandbox.network import groups_keys, groups_rules, phone_inbox, phone_sessions
from sandbox.network.archive import Known
from sandbox.network.delivery import message_key
from sandbox.network.groups import Group
from sandbox.network.groups_rules import FORBIDDEN, GroupRefusal
from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Device, Phone
from sandbox.network.phone_outbox import UNREADABLE, UNREADABLE_ONCE
from sandbox.network.prekeys import take_bundle
from sandbox.network.store import SentMessage
from sandbox.signal.ciphertexts import broken
from sandbox.signal.sender_keys import GROUP_MESSAGE
from sandbox.wire import group_stanzas, stanzas
from sandbox.wire.key_nodes import read_retry_bundle
from sandbox.wire.nodes import Node

log = logging.getLogger(__name__)


def require_writer(group: Group, phone: Phone) -> None:
    """Raises GroupRefusal (403) when the phone may not write in the group."""
    groups_rules.require_member(group, phone)
    if group.announce and not group.is_admin(phone.digits):
        raise GroupRefusal(FORBIDDEN, f"only admins may write in {group.jid}")


def send_message(
    network: Network, sender: Phone, group: Group, plaintext: bytes, wa_id: str, manner: str = ""
) -> None:
    """Send one message of any type now, to all devices of all members but the phone itself.

    `manner` is one of phone_outbox; companions alone get what is unreadable. Raises GroupRefusal
    (403).
    """
    require_writer(group, sender)
    _remember(network, sender, group, plaintext, wa_id, manner)
    traits = traits_of(plaintext)
    own = groups_keys.own_key(network.store, sender, group)
    announcement = groups_keys.announcement(group, own.key.distribution())
    shared = stanzas.encrypted(
        GROUP_MESSAGE,
        own.key.encrypt(plaintext),
        media_type=traits.media_type,
        hidden=traits.hidden,
    )
    spoilt = Node("enc", shared.attrs, broken(GROUP_MESSAGE, shared.data))
    unreadable = manner in (UNREADABLE, UNREADABLE_ONCE)
    for member, number in list(devices(network, group)):
        address = member.lid.at_device(number)
        if address == sender.lid:
            continue
        content = [spoilt if unreadable and number != PHONE_DEVICE else shared]
        if str(address) not in own.told:
            kind, sealed = phone_sessions.encrypt(network, sender, address, announcement)
            content.insert(0, stanzas.encrypted(kind, sealed))
            own.told.add(str(address))
        _hand_over(network, group, sender, member, number, wa_id, traits, content)
    groups_keys.save_own_key(network.store, sender, group, own)


def devices(network: Network, group: Group) -> Iterator[tuple[Phone, int]]:
    """Every device of every member, phones included, as (phone, device number)."""
    for digits in group.members:
        phone = network.phone(digits)
        for number in (PHONE_DEVICE, *phone.devices):
            yield phone, number


def _remember(
    network: Network, sender: Phone, group: Group, plaintext: bytes, wa_id: str, manner: str
) -> None:
    chat = str(group.jid)
    network.store.save_sent(sender.digits, wa_id, SentMessage(chat, plaintext))
    known = Known(wa_id, chat, str(sender.lid), True, network.now(), plaintext)
    network.archive.save(sender.digits, known)
    if manner:
        network.archive.save_manner(sender.digits, wa_id, manner)


def _hand_over(
    network: Network,
    group: Group,
    sender: Phone,
    member: Phone,
    number: int,
    wa_id: str,
    traits: Traits,
    content: list[Node],
) -> None:
    attrs = group_stanzas.incoming(group.jid, sender.lid, sender.jid)
    if traits.poll_type:
        content = [*content, stanzas.poll_meta(traits.poll_type)]
    stanza = stanzas.message(
        wa_id,
        network.now(),
        kind=traits.kind,
        sender=attrs | {"edit": traits.edit},
        name=sender.name,
        content=content,
    )
    if number == PHONE_DEVICE:
        phone_inbox.take(network, member, stanza)
    elif device := member.devices.get(number):
        network.deliver(device, stanza, message_key(wa_id))


def resend(
    network: Network, sender: Phone, group: Group, wa_id: str, device: Device, request: Node
) -> None:
    """Answer a retry receipt with the message itself and the key, in a fresh session.

    Raises StanzaError (400).
    """
    message = network.store.sent(sender.digits, wa_id)
    count = int(request.require("retry").text("count") or "1")
    spoilt = network.archive.manner(sender.digits, wa_id) == UNREADABLE
    if spoilt or message is None or message.recipient != str(group.jid):
        log.warning("%s will not send %s to %s again", sender.number, wa_id, group.jid)
        return
    if group.rank(device.phone.digits) is None:
        log.warning("%s is not in %s and gets no %s", device.jid, group.jid, wa_id)
        return
    bundle = read_retry_bundle(request) or take_bundle(network, device.lid)
    if bundle is None:
        return
    phone_sessions.start(network, sender, device.lid, bundle)
    own = groups_keys.own_key(network.store, sender, group)
    own.told.add(str(device.lid))
    groups_keys.save_own_key(network.store, sender, group, own)
    plaintext = groups_keys.announcement(group, own.key.distribution()) + message.body
    traits = traits_of(message.body)
    kind, sealed = phone_sessions.encrypt(network, sender, device.lid, plaintext)
    node = stanzas.encrypted(
        kind, sealed, retry_count=count, media_type=traits.media_type, hidden=traits.hidden
    )
    _hand_over(network, group, sender, device.phone, device.number, wa_id, traits, [node])
