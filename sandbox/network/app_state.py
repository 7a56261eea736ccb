"""App state: settings that a phone and its companions keep in step, encrypted among themselves.

Source: whatsmeow appstate.go. Collections are lists of patches; whoever adds one states the version
it builds on, and gets 409 and the missing patches when that is not the last one. The phone gives a
new companion the key, by which the companion learns its push name: without it a client cannot send
its presence.
"""

import logging
import secrets
from collections.abc import Sequence

from sandbox.network import device_links, groups_notices, phone_outbox, phone_settings
from sandbox.network.connection import Connection
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.network.registry import answers
from sandbox.syncd.patches import Collection, Mutation, PatchError, SyncKey
from sandbox.wire import protobuf, stanzas
from sandbox.wire.errors import WireError
from sandbox.wire.nodes import Attribute, Node, StanzaError

log = logging.getLogger(__name__)

KEYS, COLLECTION, PATCH = "app_state_keys", "app_state", "app_state_patch"
"""Kinds of stored documents."""
NAMES = frozenset(
    {"critical_block", "critical_unblock_low", "regular_high", "regular", "regular_low"}
)
KEY_ID_BYTES, KEY_BYTES = 6, 32
PATCHES_PER_ANSWER = 50
APP_STATE_SYNC_KEY_SHARE, KEY_REQUEST = 6, 8
"""A type and a field of ProtocolMessage."""
CONFLICT, BAD_REQUEST = 409, 400


# --- keys


def keys_of(network: Network, phone: Phone) -> list[SyncKey]:
    """The phone's keys, the newest first; the first one is made when it is needed."""
    stored = network.store.document(KEYS, _name(phone, ""))
    if stored is None:
        key_id, data = secrets.token_bytes(KEY_ID_BYTES), secrets.token_bytes(KEY_BYTES)
        stored = [{"id": key_id.hex(), "data": data.hex(), "at": network.now()}]
        network.store.save_document(KEYS, _name(phone, ""), stored)
    return [SyncKey(bytes.fromhex(key["id"]), bytes.fromhex(key["data"])) for key in stored]


@device_links.when_linked
def share_keys(network: Network, device: Device) -> None:
    """The phone tells a new companion its keys; it fetches all collections when it has them."""
    phone = device.phone
    if network.store.document(COLLECTION, _name(phone, phone_settings.PUSH_NAME)) is None:
        name = phone_settings.push_name(phone.name, network.now())
        change(network, phone, phone_settings.PUSH_NAME, [name], but=device)
    phone_outbox.send_peer(network, phone, device, _key_share(network, phone))


def answer_key_request(network: Network, device: Device, plaintext: bytes) -> None:
    """Give the keys again to a companion whose message asks for them; other messages are ignored.

    Raises WireError. Message.protocolMessage(12).appStateSyncKeyRequest(8).
    """
    if KEY_REQUEST in protobuf.decode(plaintext).message(12):
        phone_outbox.send_peer(network, device.phone, device, _key_share(network, device.phone))


def _key_share(network: Network, phone: Phone) -> bytes:
    """Message.protocolMessage(12).appStateSyncKeyShare(7): {1 keys: {1 id {1}, 2 data}}."""
    fingerprint = protobuf.encode([(1, phone.raw_id), (2, phone.next_device - 1)])
    shared = []
    for key in keys_of(network, phone):
        data = protobuf.encode([(1, key.data), (2, fingerprint), (3, phone.created)])
        entry = protobuf.encode([(1, protobuf.encode([(1, key.id)])), (2, data)])
        shared.append((1, entry))
    protocol = protobuf.encode([(2, APP_STATE_SYNC_KEY_SHARE), (7, protobuf.encode(shared))])
    return protobuf.encode([(12, protocol)])


def forget(network: Network, phone: Phone) -> None:
    """The phone starts anew, with other keys and empty collections."""
    for kind in (KEYS, COLLECTION, PATCH):
        network.store.delete_documents(kind, _name(phone, ""))


# --- collections


def _name(phone: Phone, collection: str) -> str:
    return f"{phone.digits}|{collection}"


def collection_of(network: Network, phone: Phone, name: str) -> Collection:
    """A collection as the phone knows it."""
    document = network.store.document(COLLECTION, _name(phone, name))
    return Collection(name) if document is None else Collection.from_document(document)


def change(
    network: Network,
    phone: Phone,
    name: str,
    mutations: Sequence[Mutation],
    *,
    but: Device | None = None,
) -> int:
    """The phone itself changes settings; its companions, `but` one, are told. The new version."""
    collection = collection_of(network, phone, name)
    patch = collection.add(keys_of(network, phone)[0], mutations)
    _keep(network, phone, collection, patch)
    for mutation in mutations:
        phone_settings.apply(network, phone, mutation)
    _announce(network, phone, collection, but)
    return collection.version


def _keep(network: Network, phone: Phone, collection: Collection, patch: bytes) -> None:
    name = _name(phone, collection.name)
    network.store.save_document(COLLECTION, name, collection.to_document())
    network.store.save_document(PATCH, f"{name}|{collection.version:010d}", patch.hex())


def _announce(
    network: Network, phone: Phone, collection: Collection, author: Device | None
) -> None:
    for device in list(phone.devices.values()):
        if device is not author:
            attrs: dict[str, Attribute] = {"name": collection.name, "version": collection.version}
            node_id = groups_notices.new_notification_id()
            content = [Node("collection", attrs)]
            news = stanzas.notification("server_sync", node_id, network.now(), content)
            network.deliver(device, news, groups_notices.notification_key(node_id))


# --- what clients ask


@answers("passive", "set", "active")
def activate(connection: Connection, iq: Node) -> list[Node]:
    """The client is done with logging in and gets the answers that waited for it."""
    connection.active = True
    held, connection.held = connection.held, []
    for query in held:
        try:
            connection.send(stanzas.result(query, _sync(connection, query)))
        except StanzaError as error:
            connection.send(stanzas.error(query, error.code, error.text))
    return []


@answers("w:sync:app:state", "set", "sync")
def sync(connection: Connection, iq: Node) -> list[Node] | None:
    """Take the patches that a companion makes, and give out those that it lacks.

    A client that is new writes hundreds of prekeys into its database before it is active; it is
    not made to write app state at the same time, because it would give up on a locked database.
    """
    if not connection.active:
        connection.held.append(iq)
        return None
    return _sync(connection, iq)


def _sync(connection: Connection, iq: Node) -> list[Node]:
    device = connection.require_device()
    asked = iq.require("sync").children
    answered = [_sync_one(connection.network, device, node) for node in asked]
    return [Node("sync", {}, answered)]


def _sync_one(network: Network, device: Device, asked: Node) -> Node:
    name, written = asked.text("name"), asked.text("version") or "0"
    if name not in NAMES or not written.isdecimal():
        raise StanzaError(400, "bad-request")
    phone, known = device.phone, int(written)
    collection = collection_of(network, phone, name)
    patches = [child.data for child in asked.children if child.tag == "patch"]
    if not patches:
        return _missing(network, phone, collection, known)
    if known != collection.version:
        return _missing(network, phone, collection, known, CONFLICT)
    try:
        for patch in patches:
            _take(network, device, collection, patch)
    except PatchError as error:
        log.warning("%s: %s of %s: %s", device.jid, name, phone.number, error)
        return _missing(network, phone, collection, known, BAD_REQUEST)
    return Node("collection", {"name": name, "version": collection.version})


def _take(network: Network, device: Device, collection: Collection, patch: bytes) -> None:
    phone = device.phone
    versioned, mutations = collection.accept(keys_of(network, phone), patch)
    _keep(network, phone, collection, versioned)
    for mutation in mutations:
        try:
            phone_settings.apply(network, phone, mutation)
        except WireError as error:
            log.warning("%s cannot follow %s: %s", phone.number, mutation.index, error)
    _announce(network, phone, collection, device)


def _missing(
    network: Network, phone: Phone, collection: Collection, known: int, error: int | None = None
) -> Node:
    """The patches above version `known`, and why something was refused."""
    name = _name(phone, collection.name)
    stored = network.store.documents(PATCH, f"{name}|")
    later = [patch for key, patch in stored.items() if int(key.rpartition("|")[2]) > known]
    content = [
        Node(
            "patches",
            {},
            [Node("patch", {}, bytes.fromhex(patch)) for patch in later[:PATCHES_PER_ANSWER]],
        )
    ]
    if error:
        content.insert(0, Node("error", {"code": error, "text": "conflict"}))
    attrs: dict[str, Attribute] = {
        "name": collection.name,
        "version": collection.version,
        "type": "error" if error else None,
        "has_more_patches": "true" if len(later) > PATCHES_PER_ANSWER else "false",
    }
    return Node("collection", attrs, content)
