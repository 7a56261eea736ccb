"""How phones, devices and the network's state look in the control API."""

from typing import Any

from sandbox.network.groups import Group
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


def group_document(network: Network, group: Group) -> dict[str, Any]:
    """A group, its settings and members; people by number."""
    return {
        "jid": str(group.jid),
        "subject": group.subject.text,
        "description": group.description.text,
        "owner": f"+{group.owner}",
        "created_at": group.created,
        "announce": group.announce,
        "locked": group.locked,
        "approval": group.approval,
        "add_mode": group.add_mode,
        "expiration": group.expiration,
        "picture_id": group.picture_id or None,
        "invite_code": group.invite,
        "participants": [
            {
                "phone_number": f"+{digits}",
                "lid": str(network.phone(digits).lid),
                "rank": rank or "member",
            }
            for digits, rank in group.members.items()
        ],
        "requests": [
            {"phone_number": f"+{digits}", "at": since} for digits, since in group.requests.items()
        ],
    }
