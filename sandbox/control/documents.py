"""How phones, devices and the network's state look in the control API."""

from typing import Any

from sandbox.network.hub import Network
from sandbox.network.model import PHONE_DEVICE, Device, Phone


def phone_document(phone: Phone) -> dict[str, Any]:
    """A phone and the devices linked to it."""
    return {
        "phone_number": phone.number,
        "name": phone.name,
        "jid": str(phone.jid),
        "lid": str(phone.lid),
        "online": phone.online,
        "requires_passkey": phone.requires_passkey,
        "picture_id": phone.picture_id or None,
        "devices": [_device_document(device) for device in phone.devices.values()],
    }


def _device_document(device: Device) -> dict[str, Any]:
    return {
        "jid": str(device.jid),
        "lid": str(device.lid),
        "device": device.number,
        "connected": device.connection is not None,
        "available": device.available,
    }


def state_document(network: Network) -> dict[str, Any]:
    """Every device's queue and keys, and the connections that are not linked to a phone."""
    store = network.store
    devices = []
    for phone in network.phones:
        for device in phone.devices.values():
            pending = store.count_pending(phone.digits, device.number)
            connected = device.connection is not None
            devices.append(
                {
                    **_device_document(device),
                    "phone_number": phone.number,
                    "queued": 0 if connected else pending,
                    "unacked": pending if connected else 0,
                    "prekeys": store.count_prekeys(phone.digits, device.number),
                }
            )
    attempts = [connection.attempt for connection in network.connections]
    return {
        "phones": [
            {
                "phone_number": phone.number,
                "online": phone.online,
                "held": store.count_pending(phone.digits, PHONE_DEVICE),
            }
            for phone in network.phones
        ],
        "devices": devices,
        "connections": len(network.connections),
        "pairing": [
            {"code_for": f"+{attempt.code_number}" if attempt.code_number else None}
            for attempt in attempts
            if attempt
        ],
    }
