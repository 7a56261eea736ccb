"""Linking a new device: hand out references for QR codes, and answer when a phone scans one.

A reference is good as long as the connection that got it lives; how long a client shows each is
the client's business (whatsmeow: 60 s for the first of six, then 20 s each).
"""

import asyncio
import base64
import logging
import secrets
from typing import Any

from sandbox.network import device_links, faults, passkeys
from sandbox.network.connection import Connection, LinkAttempt
from sandbox.network.errors import Refusal
from sandbox.network.hub import Network
from sandbox.network.model import MAX_DEVICES, Device, Phone
from sandbox.pairing import IdentityOffer, PairingError, parse_qr
from sandbox.wire import stanzas
from sandbox.wire.client_payload import Registration
from sandbox.wire.nodes import Node

log = logging.getLogger(__name__)

ANSWER_SECONDS = 15.0
PLATFORM = "android"
LOGIN_AGAIN = 515
"""The stream error after pairing: the client drops the connection and logs in."""


def offer_codes(connection: Connection, registration: Registration) -> None:
    """Send the references to a client that has no account yet."""
    network = connection.network
    refs = ["2@" + _random_text() for _ in range(network.qr_refs)]
    connection.attempt = LinkAttempt(registration, refs)
    connection.send(stanzas.pair_device(network.next_id(), refs))


def _random_text() -> str:
    return base64.b64encode(secrets.token_bytes(48)).decode()


async def scan(network: Network, phone: Phone, qr: str) -> Device:
    """Let a phone scan a QR code; the linked device.

    Raises Refusal: bad_qr, qr_expired, phone_offline, or what `link` raises.
    """
    require_online(phone)
    try:
        code = parse_qr(qr)
    except PairingError as error:
        raise Refusal("bad_qr", str(error)) from error
    connection, attempt = _shown_by(network, code.ref)
    if code.noise_key != connection.client_key:
        raise Refusal("bad_qr", "the code's keys are not those of the client that shows it")
    if code.identity != attempt.registration.identity:
        raise Refusal("bad_qr", "the code's identity is not that of the client that shows it")
    return await link(connection, attempt, phone, code.adv_secret)


def _shown_by(network: Network, ref: str) -> tuple[Connection, LinkAttempt]:
    for connection in network.connections:
        if connection.attempt and ref in connection.attempt.refs:
            return connection, connection.attempt
    raise Refusal("qr_expired", "no client shows this code (any more)")


def require_online(phone: Phone) -> None:
    """Raises Refusal (phone_offline)."""
    if not phone.online:
        raise Refusal("phone_offline", f"{phone.number} is offline")


async def link(
    connection: Connection, attempt: LinkAttempt, phone: Phone, adv_secret: bytes
) -> Device:
    """Make the client behind `connection` a device of the phone.

    Raises Refusal: passkey_required, too_many_devices, pairing_timeout, pairing_rejected,
    connection_lost.
    """
    network = connection.network
    if phone.requires_passkey or network.faults.use(faults.PASSKEY, phone.digits):
        passkeys.demand(connection)
        raise Refusal("passkey_required", f"{phone.number} asks the client for a passkey")
    if phone.next_device > MAX_DEVICES:
        raise Refusal("too_many_devices", f"{phone.number} cannot link more devices")
    connection.attempt = None  # from here on nobody else can scan or type this client's code
    number = phone.next_device
    phone.next_device += 1
    network.store.save_phone(phone)
    registration = attempt.registration
    offer = IdentityOffer.sign(
        phone.identity,
        registration.identity,
        raw_id=phone.raw_id,
        key_index=number,
        now=network.now(),
    )
    answer = await _ask(connection, phone, number, offer.authenticated(adv_secret))
    device = Device(
        phone=phone,
        number=number,
        noise_key=connection.client_key,
        registration=registration.registration,
        identity=registration.identity,
        signed_prekey=registration.signed_prekey,
        signed_identity=_accepted(offer, answer),
    )
    device_links.add(network, device)
    connection.send(stanzas.stream_error(LOGIN_AGAIN))
    log.info("%s is linked", device.jid)
    return device


async def _ask(connection: Connection, phone: Phone, number: int, identity: bytes) -> Node:
    network = connection.network
    request = stanzas.pair_success(
        network.next_id(),
        identity=identity,
        jid=phone.jid.at_device(number),
        lid=phone.lid.at_device(number),
        platform=PLATFORM,
        now=network.now(),
    )
    waiting = connection.wait_for(request.text("id"))
    connection.send(request)
    return await wait(waiting)


async def wait(waiting: "asyncio.Future[Any]") -> Node:
    """The client's next step in pairing. Raises Refusal (pairing_timeout, connection_lost)."""
    try:
        node: Node = await asyncio.wait_for(waiting, ANSWER_SECONDS)
    except TimeoutError as error:
        raise Refusal("pairing_timeout", "the client did not answer in time") from error
    return node


def _accepted(offer: IdentityOffer, answer: Node) -> bytes:
    signed = answer.child("pair-device-sign")
    identity = signed and signed.child("device-identity")
    if answer.text("type") != "result" or not identity:
        error = answer.child("error")
        reason = error.text("text") if error else "it sent no signed identity"
        raise Refusal("pairing_rejected", f"the client refused to be linked: {reason}")
    try:
        return offer.accept(identity.data)
    except PairingError as error:
        raise Refusal("pairing_rejected", str(error)) from error
