"""Everything the server says, as functions that build nodes. No decisions are taken here.

Sources: whatsmeow connectionevents.go, pair.go, pair-code.go, pair-passkey.go, message.go,
receipt.go, notification.go and presence.go (what the client reads), and observed traffic.
"""

import json
from collections.abc import Mapping, Sequence

from sandbox.wire.jids import SERVER, Jid
from sandbox.wire.nodes import Attribute, Node


def result(iq: Node, content: Sequence[Node] = ()) -> Node:
    """The successful answer to an iq."""
    return Node("iq", _answer_attrs(iq, "result"), list(content) or None)


def error(iq: Node, code: int, text: str) -> Node:
    """The refusal of an iq."""
    return Node("iq", _answer_attrs(iq, "error"), [Node("error", {"code": code, "text": text})])


def _answer_attrs(iq: Node, kind: str) -> dict[str, Attribute]:
    return {"from": iq.jid("to") or SERVER, "type": kind, "id": iq.text("id")}


def pair_device(iq_id: str, refs: Sequence[str]) -> Node:
    """Offers the references that the client turns into QR codes, in this order."""
    offered = [Node("ref", {}, ref.encode()) for ref in refs]
    return _server_iq(iq_id, Node("pair-device", {}, offered))


def pair_success(
    iq_id: str, *, identity: bytes, jid: Jid, lid: Jid, platform: str, now: int
) -> Node:
    """Tells the client which device it has become; `identity` is the HMACed signed identity."""
    content = [
        Node("device-identity", {}, identity),
        Node("device", {"jid": jid, "lid": lid}),
        Node("platform", {"name": platform}),
    ]
    iq = _server_iq(iq_id, Node("pair-success", {}, content))
    iq.attrs["t"] = now
    return iq


def _server_iq(iq_id: str, child: Node) -> Node:
    attrs: dict[str, Attribute] = {"from": SERVER, "type": "set", "id": iq_id, "xmlns": "md"}
    return Node("iq", attrs, [child])


def notification(kind: str, node_id: str, now: int, content: Sequence[Node]) -> Node:
    """A notification from the server itself."""
    attrs: dict[str, Attribute] = {"from": SERVER, "type": kind, "id": node_id, "t": now}
    return Node("notification", attrs, list(content))


def primary_hello(
    node_id: str, now: int, *, ref: bytes, wrapped_ephemeral: bytes, identity: bytes
) -> Node:
    """The phone's half of pairing by code: sent when the code was typed."""
    content = [
        Node("link_code_pairing_ref", {}, ref),
        Node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, wrapped_ephemeral),
        Node("primary_identity_pub", {}, identity),
    ]
    registration = Node("link_code_companion_reg", {"stage": "primary_hello"}, content)
    return notification("link_code_companion_reg", node_id, now, [registration])


def passkey_request_options(options: Mapping[str, object]) -> Node:
    """WebAuthn request options as the JSON text that WhatsApp embeds."""
    return Node("passkey_request_options", {}, json.dumps(options).encode())


def passkey_demand(node_id: str, now: int, options: Mapping[str, object]) -> Node:
    """Sent instead of pair-success when the account is protected by a passkey."""
    content = [passkey_request_options(options)]
    return notification("passkey_prologue_request", node_id, now, content)


def success(*, lid: Jid, now: int, created: int, display_name: str) -> Node:
    """The login is accepted. The client corrects its clock by `t`."""
    return Node(
        "success",
        {
            "t": now,
            "lid": lid,
            "props": "27",
            "abprops": "1",
            "location": "sandbox",
            "creation": created,
            "display_name": display_name,
        },
    )


def failure(reason: int, extra: Mapping[str, Attribute] | None = None) -> Node:
    """The login is refused (401 logged out, 402 temporary ban, 403, 405 outdated, 503 ...)."""
    return Node("failure", {"reason": reason, "location": "sandbox", **(extra or {})})


def stream_error(code: int | None = None, conflict: str | None = None) -> Node:
    """Ends the stream; 515 asks for a new login, conflict says why the device is out."""
    content = [Node("conflict", {"type": conflict})] if conflict else None
    return Node("stream:error", {"code": code}, content)


def offline_preview(counts: Mapping[str, int]) -> Node:
    """Announces how many queued stanzas follow; `counts` is by tag."""
    preview = Node(
        "offline_preview",
        {
            "count": sum(counts.values()),
            "message": counts.get("message", 0),
            "receipt": counts.get("receipt", 0),
            "notification": counts.get("notification", 0),
            "appdata": 0,
            "call": 0,
        },
    )
    return Node("ib", {"from": SERVER}, [preview])


def offline_complete(count: int) -> Node:
    """Says that the queue has been sent."""
    return Node("ib", {"from": SERVER}, [Node("offline", {"count": count})])


def message_ack(
    message: Node, now: int, *, error_code: int | None = None, phash: str | None = None
) -> Node:
    """The server has (or refuses) a message; `phash` says the device list was stale."""
    return Node(
        "ack",
        {
            "class": "message",
            "id": message.text("id"),
            "from": message.jid("to"),
            "t": now,
            "error": error_code,
            "phash": phash,
        },
    )


def receipt_ack(receipt: Node) -> Node:
    """The server has a receipt."""
    return Node(
        "ack",
        {
            "class": "receipt",
            "id": receipt.text("id"),
            "from": receipt.jid("to"),
            "type": receipt.text("type"),
            "participant": receipt.jid("participant"),
        },
    )


def message(
    message_id: str,
    now: int,
    *,
    kind: str,
    sender: Mapping[str, Attribute],
    name: str,
    content: Sequence[Node],
) -> Node:
    """A message as one device gets it; `sender` comes from incoming() or own_copy()."""
    attrs: dict[str, Attribute] = {"id": message_id, "type": kind, "t": now, "notify": name}
    return Node("message", attrs | dict(sender), list(content))


def incoming(lid: Jid, phone_jid: Jid) -> dict[str, Attribute]:
    """Sender attributes of a message from another person."""
    return {"from": lid, "sender_pn": phone_jid.bare, "addressing_mode": "lid"}


def own_copy(lid: Jid, chat: Jid, chat_phone_jid: Jid | None) -> dict[str, Attribute]:
    """Sender attributes of a message that another device of the same account sent to `chat`."""
    return {
        "from": lid,
        "recipient": chat,
        "peer_recipient_pn": chat_phone_jid,
        "addressing_mode": "lid",
    }


def encrypted(
    kind: str,
    ciphertext: bytes,
    *,
    retry_count: int | None = None,
    media_type: str = "",
    hidden: bool = False,
) -> Node:
    """One ciphertext; `kind` is pkmsg or msg. A hidden one shall leave no placeholder when it
    cannot be read."""
    attrs: dict[str, Attribute] = {
        "v": "2",
        "type": kind,
        "count": retry_count or None,
        "mediatype": media_type,
        "decrypt-fail": "hide" if hidden else None,
    }
    return Node("enc", attrs, ciphertext)


def poll_meta(kind: str) -> Node:
    """Says that a message is the creation of a poll, or a vote."""
    return Node("meta", {"polltype": kind})


def unavailable(kind: str) -> Node:
    """Stands in for a ciphertext that companions do not get; view_once, or empty."""
    return Node("unavailable", {"type": kind})


def receipt(message_id: str, sender: Jid, now: int, kind: str = "") -> Node:
    """A delivery receipt (no kind), or read, played ..."""
    attrs: dict[str, Attribute] = {"id": message_id, "from": sender, "t": now, "type": kind}
    return Node("receipt", attrs)


def retry_receipt(
    message_id: str, sender: Jid, now: int, *, count: int, registration: bytes, keys: Node
) -> Node:
    """`sender` could not decrypt and offers the keys for a new session."""
    retry = Node("retry", {"count": count, "id": message_id, "t": now, "v": "1"})
    attrs = receipt(message_id, sender, now, "retry").attrs
    return Node("receipt", attrs, [retry, Node("registration", {}, registration), keys])


def devices_changed(
    jid: Jid, node_id: str, now: int, *, change: str, device: Jid, device_hash: str
) -> Node:
    """Tells a client who has cached the device list of `jid` that a device came (add) or went
    (remove); the hash is that of the new list. Source: whatsmeow notification.go."""
    attrs: dict[str, Attribute] = {"from": jid, "type": "devices", "id": node_id, "t": now}
    named = Node("device", {"jid": device, "key-index": device.device})
    return Node("notification", attrs, [Node(change, {"device_hash": device_hash}, [named])])


def own_devices_changed(
    jid: Jid, node_id: str, now: int, devices: Sequence[Jid], device_hash: str
) -> Node:
    """Tells the companions of an account which devices it has now."""
    attrs: dict[str, Attribute] = {"from": jid, "type": "account_sync", "id": node_id, "t": now}
    listed = [Node("device", {"jid": device, "key-index": device.device}) for device in devices]
    return Node("notification", attrs, [Node("devices", {"dhash": device_hash}, listed)])


def picture_changed(jid: Jid, node_id: str, now: int, picture_id: str) -> Node:
    """Tells a client that a profile picture was set, or removed when there is no id."""
    change = Node("set" if picture_id else "delete", {"jid": jid, "id": picture_id})
    attrs: dict[str, Attribute] = {"from": jid, "type": "picture", "id": node_id, "t": now}
    return Node("notification", attrs, [change])


def presence(jid: Jid, *, available: bool, last_seen: int | None) -> Node:
    """A person came online or went away."""
    if available:
        return Node("presence", {"from": jid})
    return Node("presence", {"from": jid, "type": "unavailable", "last": last_seen or "deny"})


def chat_state(sender: Jid, state: Node) -> Node:
    """Somebody types, records or stopped."""
    return Node("chatstate", {"from": sender}, [state])


def refusal(node: Node, code: int) -> Node:
    """The server does not understand a stanza that is not an iq."""
    attrs: dict[str, Attribute] = {
        "class": node.tag,
        "id": node.text("id"),
        "from": node.jid("to") or SERVER,
        "error": code,
    }
    return Node("ack", attrs)
