"""Commands about groups and people for the process of `neonize_client`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def commands(client: Any, address: Callable[[str], Any]) -> dict[str, Callable[..., Any]]:
    """What a test may call. `address` turns `+1555…` or `user@server` into neonize's JID."""
    from google.protobuf.json_format import MessageToDict
    from neonize.utils import enum

    def participants(group: str, action: str, people: list[str]) -> list[dict[str, Any]]:
        change = enum.ParticipantChange(action)
        changed = client.update_group_participants(
            address(group), [address(person) for person in people], change
        )
        return [MessageToDict(one) for one in changed]

    def create(name: str, people: list[str]) -> dict[str, Any]:
        return dict(MessageToDict(client.create_group(name, [address(one) for one in people])))

    def mark_read(group: str, sender: str, wa_id: str) -> None:
        receipt = enum.ReceiptType.READ
        client.mark_read(wa_id, chat=address(group), sender=address(sender), receipt=receipt)

    def block(person: str, action: str) -> dict[str, Any]:
        changed = client.update_blocklist(address(person), enum.BlocklistAction(action))
        return dict(MessageToDict(changed))

    return {
        "group_create": create,
        "group_info": lambda group: MessageToDict(client.get_group_info(address(group))),
        "group_list": lambda: [MessageToDict(one) for one in client.get_joined_groups()],
        "group_participants": participants,
        "group_name": lambda group, name: client.set_group_name(address(group), name),
        "group_topic": lambda group, topic: client.set_group_topic(address(group), "", "", topic),
        "group_announce": lambda group, on: client.set_group_announce(address(group), on),
        "group_locked": lambda group, on: client.set_group_locked(address(group), on),
        "group_link": lambda group, reset: client.get_group_invite_link(address(group), reset),
        "group_from_link": lambda link: MessageToDict(client.get_group_info_from_link(link)),
        "group_join": lambda link: MessageToDict(client.join_group_with_link(link)),
        "group_leave": lambda group: client.leave_group(address(group)),
        "group_requests": lambda group: [
            MessageToDict(one) for one in client.get_group_request_participants(address(group))
        ],
        "group_photo": lambda group, data: client.set_group_photo(
            address(group), bytes.fromhex(data)
        ),
        "group_read": mark_read,
        "block": block,
        "blocked": lambda: MessageToDict(client.get_blocklist()),
        "reject_call": lambda caller, call_id: client.reject_call(address(caller), call_id),
        "contact": lambda of: MessageToDict(client.contact.get_contact(address(of))),
        "set_name": client.set_profile_name,
        "qr_link": client.get_contact_qr_link,
        "devices": lambda of: [MessageToDict(one) for one in client.get_user_devices(address(of))],
    }
