"""Prekeys as nodes, in both directions. Source: whatsmeow prekeys.go.

Ids are three bytes, public keys 32 bytes without the type byte, signatures 64 bytes.
"""

from dataclasses import dataclass

from sandbox.wire.jids import Jid
from sandbox.wire.keys import DJB_TYPE
from sandbox.wire.nodes import Attribute, Node

ID_BYTES = 3
REGISTRATION_BYTES = 4


@dataclass(frozen=True, slots=True)
class PublicPrekey:
    """A prekey as others see it; `signature` is empty for a one-time prekey."""

    id: int
    public: bytes
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class KeyBundle:
    """What is needed to start a Signal session with a device."""

    registration: bytes
    identity: bytes
    signed_prekey: PublicPrekey
    one_time_prekey: PublicPrekey | None
    device_identity: bytes = b""


def read_prekey(node: Node) -> PublicPrekey:
    """The prekey in `<key>` or `<skey>`. Raises StanzaError (400)."""
    signature = node.require("signature").require_data(64) if node.tag == "skey" else b""
    key_id = int.from_bytes(node.require("id").require_data(ID_BYTES), "big")
    return PublicPrekey(key_id, node.require("value").require_data(32), signature)


def write_prekey(prekey: PublicPrekey) -> Node:
    """`<skey>` when the prekey is signed, `<key>` otherwise."""
    content = [
        Node("id", {}, prekey.id.to_bytes(ID_BYTES, "big")),
        Node("value", {}, prekey.public),
    ]
    if not prekey.signature:
        return Node("key", {}, content)
    return Node("skey", {}, [*content, Node("signature", {}, prekey.signature)])


def bundle_keys(bundle: KeyBundle) -> list[Node]:
    """The keys of a bundle, without the registration id."""
    content = [
        Node("type", {}, DJB_TYPE),
        Node("identity", {}, bundle.identity),
        write_prekey(bundle.signed_prekey),
    ]
    if bundle.one_time_prekey:
        content.append(write_prekey(bundle.one_time_prekey))
    if bundle.device_identity:
        content.append(Node("device-identity", {}, bundle.device_identity))
    return content


def bundle_user(jid: Jid, bundle: KeyBundle, now: int) -> Node:
    """One entry of the answer to a key request."""
    attrs: dict[str, Attribute] = {"jid": jid, "t": now}
    registration = Node("registration", {}, bundle.registration)
    return Node("user", attrs, [registration, *bundle_keys(bundle)])


def read_retry_bundle(receipt: Node) -> KeyBundle | None:
    """The bundle inside a retry receipt, None when it has none. Raises StanzaError (400)."""
    keys = receipt.child("keys")
    if keys is None:
        return None
    one_time = keys.child("key")
    return KeyBundle(
        registration=receipt.require("registration").require_data(REGISTRATION_BYTES),
        identity=keys.require("identity").require_data(32),
        signed_prekey=read_prekey(keys.require("skey")),
        one_time_prekey=read_prekey(one_time) if one_time else None,
    )
