"""The sender keys of virtual phones: their own in each group, and what other devices told them.

A phone makes a new key after somebody has left, so that they cannot read on.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.network.groups import Group
from sandbox.network.model import Phone
from sandbox.network.store import Store
from sandbox.signal.sender_keys import Distribution, ReceivedKeys, SenderKey
from sandbox.wire import protobuf
from sandbox.wire.jids import Jid

if TYPE_CHECKING:
    from sandbox.network.hub import Network

OWN, RECEIVED = "own_sender_key", "sender_key"
DISTRIBUTION_FIELD = 2
"""Message.senderKeyDistributionMessage {1 group, 2 distribution message}."""


@dataclass(slots=True)
class OwnKey:
    """A phone's key in a group, and the devices (addresses) that know it."""

    key: SenderKey
    told: set[str]


def own_key(store: Store, phone: Phone, group: Group) -> OwnKey:
    """The phone's key in the group; a new one when it has none."""
    document = store.document(OWN, _own_name(phone, group))
    if document is None:
        return OwnKey(SenderKey.generate(), set())
    return OwnKey(SenderKey.from_document(document["key"]), set(document["told"]))


def save_own_key(store: Store, phone: Phone, group: Group, own: OwnKey) -> None:
    """Write the phone's key."""
    document = {"key": own.key.to_document(), "told": sorted(own.told)}
    store.save_document(OWN, _own_name(phone, group), document)


def _own_name(phone: Phone, group: Group) -> str:
    return f"{group.user}|{phone.digits}"


def forget_own_keys(network: "Network", group: Group) -> None:
    """Somebody is out of the group: every phone in it makes a new key before it writes again."""
    network.store.delete_documents(OWN, f"{group.user}|")


def received_keys(store: Store, phone: Phone, group: Jid, sender: Jid) -> ReceivedKeys:
    """What the phone knows about the keys of the device `sender` in the group."""
    document = store.document(RECEIVED, _received_name(phone, group, sender))
    return ReceivedKeys() if document is None else ReceivedKeys.from_document(document)


def save_received_keys(
    store: Store, phone: Phone, group: Jid, sender: Jid, keys: ReceivedKeys
) -> None:
    """Write what the phone knows."""
    store.save_document(RECEIVED, _received_name(phone, group, sender), keys.to_document())


def _received_name(phone: Phone, group: Jid, sender: Jid) -> str:
    return f"{phone.digits}|{group.user}|{sender}"


def forget_keys_of(network: "Network", phone: Phone) -> None:
    """The phone starts anew: it knows no keys, and nobody knows its own."""
    network.store.delete_documents(RECEIVED, f"{phone.digits}|")
    for group in network.groups.of(phone.digits):
        forget_own_keys(network, group)


def announcement(group: Group, distribution: Distribution) -> bytes:
    """The message that tells a device the key; it can be put in front of any other message."""
    body = protobuf.encode([(1, str(group.jid)), (2, distribution.to_bytes())])
    return protobuf.encode([(DISTRIBUTION_FIELD, body)])


def read_announcement(plaintext: bytes) -> Distribution | None:
    """The key that a message tells, None when it tells none. Raises WireError, SignalError."""
    fields = protobuf.decode(plaintext)
    if DISTRIBUTION_FIELD not in fields:
        return None
    return Distribution.parse(fields.message(DISTRIBUTION_FIELD).data(2))


def says_more(plaintext: bytes) -> bool:
    """Whether a message holds anything besides a key. Raises WireError."""
    return any(number != DISTRIBUTION_FIELD for number in protobuf.decode(plaintext).numbers)
