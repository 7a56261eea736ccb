"""A linked device logs in: credentials are checked, an older connection is replaced, and what was
queued is sent."""

import logging

from sandbox.network import faults
from sandbox.network.connection import Connection
from sandbox.network.hub import Network
from sandbox.network.model import Device
from sandbox.wire import stanzas
from sandbox.wire.client_payload import Login
from sandbox.wire.decoder import decode_node
from sandbox.wire.jids import Jid
from sandbox.wire.nodes import Node

log = logging.getLogger(__name__)

LOGGED_OUT = 401


def log_in(connection: Connection, credentials: Login) -> None:
    """Accept the device, or say why not and close."""
    network = connection.network
    device = network.find_device(Jid(credentials.user, device=credentials.device))
    digits, number = credentials.user, credentials.device
    if network.faults.use(faults.REFUSE_CONNECTIONS, digits, number):
        connection.abort()
        return
    fault = network.faults.use(faults.FAILURE, digits, number)
    if fault:
        connection.finish(failure_of(fault))
        return
    if device is None or device.noise_key != connection.client_key:
        log.info("connection %d: %s:%d is not linked", connection.number, digits, number)
        connection.finish(stanzas.failure(LOGGED_OUT))
        return
    _replace(connection, device)
    connection.send(
        stanzas.success(
            lid=device.lid,
            now=network.now(),
            created=device.phone.created,
            display_name=device.phone.name,
        )
    )
    send_queue(network, device)
    log.info("%s is connected", device.jid)


def failure_of(fault: faults.Fault) -> Node:
    """The refusal that a `failure` fault describes."""
    parameters = fault.parameters
    extra = {"code": parameters.get("ban_code"), "expire": parameters.get("expire")}
    return stanzas.failure(parameters.get("code", LOGGED_OUT), extra)


def _replace(connection: Connection, device: Device) -> None:
    previous, device.connection = device.connection, connection
    connection.device = device
    if previous:
        previous.finish(stanzas.stream_error(conflict="replaced"))


def send_queue(network: Network, device: Device) -> None:
    """Send what the device has not acknowledged, oldest first, between the two offline marks."""
    connection = device.connection
    if connection is None:
        return
    waiting = network.store.pending(device.phone.digits, device.number)
    counts: dict[str, int] = {}
    for stanza in waiting:
        counts[stanza.tag] = counts.get(stanza.tag, 0) + 1
    connection.send(stanzas.offline_preview(counts))
    for stanza in waiting:
        node = decode_node(stanza.body)
        node.attrs["offline"] = "1"
        connection.send(node)
    connection.send(stanzas.offline_complete(len(waiting)))
