"""Faults that act on the connections of the moment, and what is made up for when faults end."""

import logging

from sandbox.network import faults, login
from sandbox.network.connection import Connection
from sandbox.network.faults import Fault, Target
from sandbox.network.hub import Network
from sandbox.wire import stanzas

log = logging.getLogger(__name__)


def provoke(network: Network, fault: Fault) -> list[str]:
    """Arm the fault, or act at once; the addresses of the devices that were hit at once."""
    if fault.kind not in faults.IMMEDIATE:
        network.faults.arm(fault)
    hit = []
    for connection in _connections(network, fault.target):
        if _act(network, connection, fault):
            hit.append(connection.label)
    return hit


def _connections(network: Network, target: Target) -> list[Connection]:
    """The connections of the devices a fault is for; unpaired ones only for a fault for all."""
    found = []
    for connection in network.connections:
        device = connection.device
        digits = device.phone.digits if device else ""
        if target.covers(digits, device.number if device else None):
            found.append(connection)
    return found


def _act(network: Network, connection: Connection, fault: Fault) -> bool:
    if fault.kind == faults.DROP:
        connection.abort()
        return True
    if fault.kind == faults.STREAM_ERROR:
        code, conflict = fault.parameters.get("code"), fault.parameters.get("conflict")
        connection.finish(stanzas.stream_error(code, conflict))
        return True
    device = connection.device
    if fault.kind == faults.FAILURE and device:
        used = network.faults.use(faults.FAILURE, device.phone.digits, device.number)
        if used:
            connection.finish(login.failure_of(used))
            return True
    return False


def clear(network: Network, kind: str | None, target: Target | None) -> list[Fault]:
    """Disarm faults; devices that were muted get what they missed."""
    cleared = network.faults.clear(kind, target)
    for fault in cleared:
        if fault.kind == faults.MUTE:
            for connection in _connections(network, fault.target):
                if connection.device:
                    login.send_queue(network, connection.device)
    return cleared
