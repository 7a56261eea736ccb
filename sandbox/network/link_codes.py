"""Pairing by an 8-character code that a person types on the phone.

The client announces a hidden key (companion_hello), the phone answers with its own when the code
was typed (primary_hello), the client sends its key bundle (companion_finish), and from there on
everything is as after a scan.
"""

import asyncio
import secrets

from sandbox.link_code import open_bundle, unwrap_key, wrap_key
from sandbox.network import registration
from sandbox.network.connection import Connection, LinkAttempt
from sandbox.network.errors import Refusal
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.network.registry import answers
from sandbox.pairing import PairingError
from sandbox.wire import stanzas
from sandbox.wire.keys import KeyPair
from sandbox.wire.nodes import Node, StanzaError

FINISH = "companion_finish"
TAG = "link_code_companion_reg"


@answers("md", "set", TAG)
def take_link_code(connection: Connection, iq: Node) -> list[Node]:
    """The client asks for a code, or sends its key bundle."""
    request = iq.require(TAG)
    stage = request.text("stage")
    if connection.attempt is None:
        raise StanzaError(400, "the device is linked already")
    if stage == "companion_hello":
        return _hello(connection.attempt, request)
    if stage == FINISH and connection.fulfil(FINISH, request):
        return []
    raise StanzaError(400, f"unexpected stage {stage!r}")


def _hello(attempt: LinkAttempt, request: Node) -> list[Node]:
    wrapped = request.require("link_code_pairing_wrapped_companion_ephemeral_pub").require_data(80)
    attempt.code_number = request.require_jid("jid").user
    attempt.code_ref = b"ref-" + secrets.token_hex(8).encode()
    attempt.wrapped_ephemeral = wrapped
    ref = Node("link_code_pairing_ref", {}, attempt.code_ref)
    return [Node(TAG, {"stage": "companion_hello"}, [ref])]


async def type_code(network: Network, phone: Phone, code: str) -> Device:
    """Let a phone type a code that a client shows; the linked device.

    Raises Refusal: phone_offline, no_code_requested, wrong_code, or what `link` raises.
    """
    registration.require_online(phone)
    connection, attempt = _asked_for(network, phone)
    ephemeral = KeyPair.generate()
    companion_ephemeral = await asyncio.to_thread(unwrap_key, code, attempt.wrapped_ephemeral)
    wrapped = await asyncio.to_thread(wrap_key, code, ephemeral.public)
    waiting = connection.wait_for(FINISH)
    connection.send(
        stanzas.primary_hello(
            network.next_id(),
            network.now(),
            ref=attempt.code_ref,
            wrapped_ephemeral=wrapped,
            identity=phone.identity.public,
        )
    )
    finish = await registration.wait(waiting)
    try:
        bundle = open_bundle(
            finish.require("link_code_pairing_wrapped_key_bundle").data,
            account=phone.identity,
            ephemeral=ephemeral,
            companion_ephemeral=companion_ephemeral,
        )
    except (PairingError, StanzaError) as error:
        raise Refusal("wrong_code", str(error)) from error
    if bundle.companion_identity != attempt.registration.identity:
        raise Refusal("wrong_code", "the key bundle is of another client")
    return await registration.link(connection, attempt, phone, bundle.adv_secret)


def _asked_for(network: Network, phone: Phone) -> tuple[Connection, LinkAttempt]:
    for connection in network.connections:
        if connection.attempt and connection.attempt.code_number == phone.digits:
            return connection, connection.attempt
    raise Refusal("no_code_requested", f"no client asked for a code for {phone.number}")
