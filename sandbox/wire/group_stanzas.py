"""What the server says about groups, as functions that build nodes. No decisions are taken here.

Source: what whatsmeow group.go reads. People are written by hidden id with their number next to
it, because groups here are in the LID addressing mode.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandbox.wire.jids import Jid
from sandbox.wire.nodes import Attribute, Node

ADDRESSING_MODE = "lid"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as groups name them."""

    lid: Jid
    jid: Jid
    name: str = ""


def participant(
    person: Person, *, rank: str = "", code: int | None = None, tag: str = "participant"
) -> Node:
    """One person; `code` is why something could not be done for them (200: it was done)."""
    attrs: dict[str, Attribute] = {"jid": person.lid, "phone_number": person.jid, "type": rank}
    return Node(tag, attrs | {"error": code if code not in (None, 200) else None})


def unknown_participant(jid: Jid, code: int) -> Node:
    """An address that nobody has."""
    return Node("participant", {"jid": jid, "error": code})


def description(text: str, attrs: dict[str, Attribute]) -> Node:
    """A description, or the news that it was deleted when there is no text."""
    inner = Node("body", {}, text.encode()) if text else Node("delete")
    return Node("description", attrs, [inner])


def approval_mode(on: bool) -> Node:
    """Whether admins must agree to who joins by link."""
    return Node("membership_approval_mode", {}, [Node("group_join", {"state": _on(on)})])


def _on(flag: bool) -> str:
    return "on" if flag else "off"


def ephemeral(seconds: int) -> Node:
    """How long messages stay."""
    if seconds:
        return Node("ephemeral", {"expiration": seconds, "trigger": "1"})
    return Node("not_ephemeral")


def change(
    group: Jid, node_id: str, now: int, *, author: Person | None, content: Sequence[Node]
) -> Node:
    """The notification that `author` changed something in a group."""
    attrs: dict[str, Attribute] = {
        "from": group,
        "type": "w:gp2",
        "id": node_id,
        "t": now,
        "addressing_mode": ADDRESSING_MODE,
    }
    if author:
        attrs |= {
            "participant": author.lid,
            "participant_pn": author.jid,
            "notify": author.name,
        }
    return Node("notification", attrs, list(content))


def members_changed(action: str, people: Iterable[Node], *, version: int, reason: str = "") -> Node:
    """add, remove, promote or demote; `version` is the one after the change."""
    attrs: dict[str, Attribute] = {"v_id": version, "prev_v_id": version - 1, "reason": reason}
    return Node(action, attrs, list(people))


def picture_changed(group: Jid, node_id: str, now: int, *, author: Person, picture_id: str) -> Node:
    """The notification that a group's picture was set, or removed when there is no id."""
    child = Node(
        "set" if picture_id else "delete", {"jid": group, "id": picture_id, "author": author.lid}
    )
    attrs: dict[str, Attribute] = {"from": group, "type": "picture", "id": node_id, "t": now}
    return Node("notification", attrs, [child])


def incoming(group: Jid, sender: Jid, phone_jid: Jid) -> dict[str, Attribute]:
    """Sender attributes of a message in a group; `sender` is the device by hidden id."""
    return {
        "from": group,
        "participant": sender,
        "participant_pn": phone_jid.bare,
        "addressing_mode": ADDRESSING_MODE,
    }
