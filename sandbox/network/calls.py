"""Calls: offered by a virtual phone to all companions of another, and ended by either side.

Nobody can speak here: there is no media. A call rings until it is rejected, hung up or times out.
Source: whatsmeow call.go.
"""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

from sandbox.network import blocklists
from sandbox.network.connection import Connection
from sandbox.network.errors import Refusal
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.wire.nodes import Attribute, Node

DOCUMENT = "call"
RINGING, REJECTED, TIMED_OUT, HUNG_UP = "ringing", "rejected", "timeout", "hung_up"
CALL_ID_BYTES = 16
PLATFORM, VERSION = "android", "2.26.40.1"
TIMEOUT_REASON, REJECTED_ELSEWHERE = "timeout", "rejected_elsewhere"


@dataclass(slots=True)
class Call:
    """One call. `state` is one of the constants above."""

    id: str
    caller: str
    callee: str
    video: bool
    at: int
    serial: int
    """Counts the calls of the network."""
    state: str = RINGING
    rejected_by: int | None = None
    """The number of the device that rejected it."""

    def to_document(self) -> dict[str, Any]:
        """The call as the control API shows it."""
        return {
            "id": self.id,
            "from": f"+{self.caller}",
            "to": f"+{self.callee}",
            "video": self.video,
            "at": self.at,
            "state": self.state,
            "rejected_by": self.rejected_by,
        }


def call_key(stanza_id: str) -> str:
    """The key under which a call stanza waits for its ack."""
    return f"call|{stanza_id}"


def offer(network: Network, caller: Phone, callee: Phone, *, video: bool) -> Call:
    """Let all devices of the callee ring."""
    call_id = secrets.token_hex(CALL_ID_BYTES).upper()
    serial = len(network.store.documents(DOCUMENT))
    call = Call(call_id, caller.digits, callee.digits, video, network.now(), serial)
    _save(network, call)
    media = [Node("audio", {"enc": "opus", "rate": 16000})]
    if video:
        media.append(Node("video", {"enc": "vp8", "orientation": 0}))
    wanted = not blocklists.has_blocked(network, callee, caller)
    for device in list(callee.devices.values()) if wanted else ():
        _tell(network, call, device, "offer", {}, media)
    return call


def ring_for(network: Network, call: Call, seconds: float) -> None:
    """End the call by itself when nobody has ended it after this time."""

    def time_out() -> None:
        if find(network, call.id).state == RINGING:
            end(network, find(network, call.id), TIMED_OUT)
            network.commit_soon()

    asyncio.get_running_loop().call_later(seconds, time_out)


def find(network: Network, call_id: str) -> Call:
    """The call with this id. Raises Refusal (unknown_call)."""
    document = network.store.document(DOCUMENT, call_id)
    if document is None:
        raise Refusal("unknown_call", f"there is no call {call_id}")
    return _from_document(document)


def calls_of(network: Network, phone: Phone) -> list[Call]:
    """The calls from and to a phone, oldest first."""
    calls = [_from_document(document) for document in network.store.documents(DOCUMENT).values()]
    own = [call for call in calls if phone.digits in (call.caller, call.callee)]
    return sorted(own, key=lambda call: call.serial)


def _from_document(document: dict[str, Any]) -> Call:
    return Call(**document)


def _save(network: Network, call: Call) -> None:
    document = {
        "id": call.id,
        "caller": call.caller,
        "callee": call.callee,
        "video": call.video,
        "at": call.at,
        "serial": call.serial,
        "state": call.state,
        "rejected_by": call.rejected_by,
    }
    network.store.save_document(DOCUMENT, call.id, document)


def end(
    network: Network, call: Call, state: str, reason: str = "", rejected_by: Device | None = None
) -> None:
    """Stop the ringing on all devices but the one that rejected it."""
    call.state = state
    call.rejected_by = rejected_by.number if rejected_by else None
    _save(network, call)
    attrs: dict[str, Attribute] = {"reason": reason or TIMEOUT_REASON}
    for device in list(network.phone(call.callee).devices.values()):
        if device is not rejected_by:
            _tell(network, call, device, "terminate", attrs, [])


def hang_up(network: Network, phone: Phone, call_id: str) -> Call:
    """The caller gives up. Raises Refusal (unknown_call, call_ended)."""
    call = find(network, call_id)
    if call.caller != phone.digits:
        raise Refusal("unknown_call", f"{phone.number} makes no call {call_id}")
    if call.state != RINGING:
        raise Refusal("call_ended", f"the call {call_id} is over: {call.state}")
    end(network, call, HUNG_UP)
    return call


def take_call(connection: Connection, stanza: Node) -> None:
    """A client says something about a call: only rejecting it has an effect here."""
    device = connection.require_device()
    network = connection.network
    ack: dict[str, Attribute] = {
        "class": "call",
        "id": stanza.text("id"),
        "from": stanza.jid("to"),
        "type": stanza.children[0].tag if stanza.children else None,
    }
    connection.send(Node("ack", ack))
    reject = stanza.child("reject")
    document = network.store.document(DOCUMENT, reject.text("call-id")) if reject else None
    if document is None:
        return
    call = _from_document(document)
    if call.callee == device.phone.digits and call.state == RINGING:
        end(network, call, REJECTED, REJECTED_ELSEWHERE, device)


def _tell(
    network: Network,
    call: Call,
    device: Device,
    tag: str,
    attrs: dict[str, Attribute],
    content: list[Node],
) -> None:
    caller = network.phone(call.caller)
    about: dict[str, Attribute] = {
        "call-id": call.id,
        "call-creator": caller.lid,
        "caller_pn": caller.jid,
    }
    stanza_id = secrets.token_hex(8)
    stanza = Node(
        "call",
        {
            "from": caller.lid,
            "id": stanza_id,
            "t": network.now(),
            "platform": PLATFORM,
            "version": VERSION,
            "notify": caller.name,
        },
        [Node(tag, about | attrs, content)],
    )
    network.deliver(device, stanza, call_key(stanza_id))
