"""What is set in a group: subject, description, rules, timer, picture. And the news of it."""

from sandbox.network import groups_notices
from sandbox.network.groups import Description, Group, Subject
from sandbox.network.groups_rules import (
    CONFLICT,
    DESCRIPTION_LIMIT,
    NOT_ACCEPTABLE,
    GroupRefusal,
    check_subject,
    require_admin,
    require_editor,
)
from sandbox.network.hub import Network
from sandbox.network.model import Phone
from sandbox.wire import group_stanzas
from sandbox.wire.nodes import Attribute, Node


def set_subject(network: Network, group: Group, author: Phone, text: str) -> None:
    """Rename the group. Raises GroupRefusal (403, 406)."""
    require_editor(group, author)
    check_subject(text)
    group.subject = Subject(text, author.digits, network.now())
    network.groups.save(group)
    attrs: dict[str, Attribute] = {
        "subject": text,
        "s_t": group.subject.at,
        "s_o": author.lid,
        "s_o_pn": author.jid,
    }
    groups_notices.tell(network, group, author, [Node("subject", attrs)])


def set_description(
    network: Network, group: Group, author: Phone, text: str, *, new_id: str, previous_id: str
) -> None:
    """Replace or (empty text) delete the description.

    Raises GroupRefusal: 403, 406, 409 when `previous_id` is not the present one.
    """
    require_editor(group, author)
    if len(text) > DESCRIPTION_LIMIT:
        detail = f"a description has at most {DESCRIPTION_LIMIT} characters"
        raise GroupRefusal(NOT_ACCEPTABLE, detail)
    if previous_id != group.description.id:
        raise GroupRefusal(CONFLICT, "the description was changed meanwhile")
    kept_id = new_id if text else ""
    group.description = Description(text, kept_id, author.digits, network.now())
    network.groups.save(group)
    attrs: dict[str, Attribute] = {"id": new_id, "prev": previous_id}
    groups_notices.tell(network, group, author, [group_stanzas.description(text, attrs)])


def set_announce(network: Network, group: Group, author: Phone, on: bool) -> None:
    """Only admins may write, or everybody. Raises GroupRefusal (403)."""
    require_admin(group, author)
    group.announce = on
    group.announce_version += 1
    network.groups.save(group)
    tag = "announcement" if on else "not_announcement"
    groups_notices.tell(network, group, author, [Node(tag, {"v_id": group.announce_version})])


def set_locked(network: Network, group: Group, author: Phone, on: bool) -> None:
    """Only admins may change subject, description and picture. Raises GroupRefusal (403)."""
    require_admin(group, author)
    group.locked = on
    network.groups.save(group)
    groups_notices.tell(network, group, author, [Node("locked" if on else "unlocked")])


def set_approval(network: Network, group: Group, author: Phone, on: bool) -> None:
    """Admins must agree to who joins by link, or not. Raises GroupRefusal (403).

    Requests that wait are dropped when it is switched off.
    """
    require_admin(group, author)
    group.approval = on
    if not on:
        group.requests.clear()
    network.groups.save(group)
    groups_notices.tell(network, group, author, [group_stanzas.approval_mode(on)])


def set_add_mode(network: Network, group: Group, author: Phone, mode: str) -> None:
    """Who may add people: `admin_add` or `all_member_add`. Raises GroupRefusal (403)."""
    require_admin(group, author)
    group.add_mode = mode
    network.groups.save(group)
    groups_notices.tell(network, group, author, [Node("member_add_mode", {}, mode.encode())])


def set_expiration(network: Network, group: Group, author: Phone, seconds: int) -> None:
    """How long messages stay, 0 for ever. Raises GroupRefusal (403)."""
    require_editor(group, author)
    group.expiration = seconds
    network.groups.save(group)
    groups_notices.tell(network, group, author, [group_stanzas.ephemeral(seconds)])


def set_picture_id(network: Network, group: Group, author: Phone, picture_id: str) -> None:
    """The group has a new picture, or none. Raises GroupRefusal (403)."""
    require_editor(group, author)
    group.picture_id = picture_id
    network.groups.save(group)
    node = group_stanzas.picture_changed(
        group.jid,
        groups_notices.new_notification_id(),
        network.now(),
        author=groups_notices.person(author),
        picture_id=picture_id,
    )
    groups_notices.notify(network, group.members, node)
