"""How groups look on the wire, and telling the members' devices what happened."""

import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sandbox.network.groups import ALL_ADD, Group
from sandbox.network.model import Phone
from sandbox.wire import group_stanzas
from sandbox.wire.group_stanzas import ADDRESSING_MODE, Person
from sandbox.wire.nodes import Attribute, Node

if TYPE_CHECKING:
    from sandbox.network.hub import Network

NOTIFICATION_ID_BYTES = 10


def person(phone: Phone) -> Person:
    """Somebody as groups name them."""
    return Person(phone.lid, phone.jid, phone.name)


def notification_key(node_id: str) -> str:
    """The key under which a notification waits for its ack."""
    return f"notification|{node_id}"


def new_notification_id() -> str:
    """Unique for good, because a notification may wait longer than the server lives."""
    return secrets.token_hex(NOTIFICATION_ID_BYTES)


def group_node(network: "Network", group: Group, *, members: bool = True) -> Node:
    """Everything about a group."""
    owner, namer = network.phone(group.owner), network.phone(group.subject.by)
    attrs: dict[str, Attribute] = {
        "id": group.user,
        "jid": group.jid,
        "subject": group.subject.text,
        "s_t": group.subject.at,
        "s_o": namer.lid,
        "s_o_pn": namer.jid,
        "creation": group.created,
        "creator": owner.lid,
        "creator_pn": owner.jid,
        "addressing_mode": ADDRESSING_MODE,
        "size": len(group.members),
        "p_v_id": group.version,
        "a_v_id": group.announce_version,
    }
    content = [
        group_stanzas.participant(person(network.phone(digits)), rank=rank)
        for digits, rank in group.members.items()
        if members
    ]
    return Node("group", attrs, [*content, *_settings(network, group)])


def _settings(network: "Network", group: Group) -> list[Node]:
    content = []
    if group.description.text:
        content.append(description_node(network, group))
    if group.announce:
        content.append(Node("announcement"))
    if group.locked:
        content.append(Node("locked"))
    if group.expiration:
        content.append(group_stanzas.ephemeral(group.expiration))
    if group.approval:
        content.append(group_stanzas.approval_mode(True))
    content.append(Node("member_add_mode", {}, (group.add_mode or ALL_ADD).encode()))
    return content


def description_node(network: "Network", group: Group) -> Node:
    """The description with its id, author and time."""
    description = group.description
    author = network.phone(description.by)
    return group_stanzas.description(
        description.text,
        {
            "id": description.id,
            "t": description.at,
            "participant": author.lid,
            "participant_pn": author.jid,
        },
    )


def tell(
    network: "Network",
    group: Group,
    author: Phone | None,
    content: Sequence[Node],
    *,
    to: Iterable[str] | None = None,
) -> None:
    """Notify all devices of these people (digits), or of all members."""
    node = group_stanzas.change(
        group.jid,
        new_notification_id(),
        network.now(),
        author=person(author) if author else None,
        content=content,
    )
    notify(network, group.members if to is None else to, node)


def notify(network: "Network", people: Iterable[str], node: Node) -> None:
    """Give a notification to all devices of these people (digits), now or later."""
    for digits in list(people):
        for device in list(network.phone(digits).devices.values()):
            network.deliver(device, node, notification_key(node.text("id")))


def tell_added(
    network: "Network",
    group: Group,
    author: Phone,
    added: Iterable[str],
    attrs: dict[str, Attribute],
) -> None:
    """People who come into a group get the whole of it."""
    create = Node("create", attrs, [group_node(network, group)])
    tell(network, group, author, [create], to=added)
