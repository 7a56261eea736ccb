"""What clients ask and demand about groups (xmlns w:g2). Source: whatsmeow group.go."""

from collections.abc import Callable, Sequence
from functools import wraps

from sandbox.network import groups_changes, groups_notices, groups_rules, groups_settings
from sandbox.network.connection import Connection
from sandbox.network.groups import ADMINS_ADD, ALL_ADD, Group
from sandbox.network.groups_changes import Outcome
from sandbox.network.groups_rules import GroupRefusal
from sandbox.network.hub import Network
from sandbox.network.model import Phone
from sandbox.network.registry import IqHandler, answers
from sandbox.wire import group_stanzas
from sandbox.wire.jids import GROUP_SERVER, Jid
from sandbox.wire.nodes import Attribute, Node, StanzaError

XMLNS = "w:g2"
MAX_EXPIRATION_SECONDS = 90 * 86_400

GroupHandler = Callable[[Network, Phone, Group, Node], Sequence[Node]]
"""Called with who asks, the group that is addressed, and the first child of the iq."""


def _in_group(kind: str, tag: str) -> Callable[[GroupHandler], GroupHandler]:
    """Register an iq that is addressed to a group; rules that forbid it become error answers."""

    def register(handler: GroupHandler) -> GroupHandler:
        def act(connection: Connection, iq: Node) -> Sequence[Node]:
            phone = connection.require_device().phone
            network = connection.network
            group = groups_rules.group_at(network, iq.require_jid("to"))
            return handler(network, phone, group, iq.children[0])

        answers(XMLNS, kind, tag)(_refusing(act))
        return handler

    return register


def _refusing(handler: IqHandler) -> IqHandler:
    @wraps(handler)
    def act(connection: Connection, iq: Node) -> Sequence[Node] | None:
        try:
            return handler(connection, iq)
        except GroupRefusal as refusal:
            raise StanzaError(refusal.number, refusal.text) from refusal

    return act


def _to_groups(kind: str, tag: str) -> Callable[[IqHandler], IqHandler]:
    """Register an iq that is addressed to all groups."""
    return lambda handler: answers(XMLNS, kind, tag)(_refusing(handler))


# --- reading


@_in_group("get", "query")
def _query(network: Network, phone: Phone, group: Group, query: Node) -> Sequence[Node]:
    if query.child("add_request") is None:
        groups_rules.require_member(group, phone)
    return [groups_notices.group_node(network, group)]


@_to_groups("get", "participating")
def _participating(connection: Connection, iq: Node) -> list[Node]:
    network = connection.network
    own = connection.require_device().phone
    groups = network.groups.of(own.digits)
    return [Node("groups", {}, [groups_notices.group_node(network, group) for group in groups])]


@_in_group("get", "membership_approval_requests")
def _requests(network: Network, phone: Phone, group: Group, query: Node) -> Sequence[Node]:
    groups_rules.require_admin(group, phone)
    waiting = []
    for digits, since in group.requests.items():
        asking = network.phone(digits)
        attrs: dict[str, Attribute] = {
            "jid": asking.lid,
            "phone_number": asking.jid,
            "request_time": since,
            "request_method": "invite_link",
        }
        waiting.append(Node("membership_approval_request", attrs))
    return [Node("membership_approval_requests", {}, waiting)]


@_to_groups("get", "invite")
def _invite(connection: Connection, iq: Node) -> list[Node]:
    """The own link of the group that is addressed, or the group behind somebody's link."""
    network = connection.network
    phone = connection.require_device().phone
    to = iq.require_jid("to")
    if to.user:
        group = groups_rules.group_at(network, to)
        return [Node("invite", {"code": groups_changes.invite_link(group, phone)})]
    group = groups_changes.invited(network, iq.require("invite").text("code"))
    return [groups_notices.group_node(network, group)]


# --- coming and going


@_to_groups("set", "create")
def _create(connection: Connection, iq: Node) -> list[Node]:
    network = connection.network
    create = iq.require("create")
    people = [node.require_jid("jid") for node in create.children if node.tag == "participant"]
    group, outcomes = groups_changes.create(
        network,
        connection.require_device().phone,
        create.text("subject"),
        people,
        settings=create.children,
        key=create.text("key"),
    )
    node = groups_notices.group_node(network, group)
    refused = [_outcome(outcome) for outcome in outcomes if outcome.code != groups_rules.DONE]
    return [Node("group", node.attrs, [*node.children, *refused])]


@_to_groups("set", "invite")
def _join_or_reset(connection: Connection, iq: Node) -> list[Node]:
    network = connection.network
    phone = connection.require_device().phone
    to = iq.require_jid("to")
    if to.user:
        group = groups_rules.group_at(network, to)
        return [Node("invite", {"code": groups_changes.reset_invite(network, group, phone)})]
    code = iq.require("invite").text("code")
    group, waits = groups_changes.join(network, phone, code)
    return [Node("membership_approval_request" if waits else "group", {"jid": group.jid})]


@_to_groups("set", "leave")
def _leave(connection: Connection, iq: Node) -> list[Node]:
    network = connection.network
    phone = connection.require_device().phone
    left = []
    for node in iq.require("leave").children:
        jid = node.jid("id") or Jid(node.text("id").partition("@")[0], GROUP_SERVER)
        groups_changes.leave(network, groups_rules.group_at(network, jid), phone)
        left.append(Node("group", {"id": jid}))
    return [Node("leave", {}, left)]


def _outcome(outcome: Outcome) -> Node:
    if outcome.phone is None:
        return group_stanzas.unknown_participant(outcome.jid, outcome.code)
    someone = groups_notices.person(outcome.phone)
    return group_stanzas.participant(someone, rank=outcome.rank, code=outcome.code)


@_in_group("set", groups_changes.ADD)
@_in_group("set", groups_changes.REMOVE)
@_in_group("set", groups_changes.PROMOTE)
@_in_group("set", groups_changes.DEMOTE)
def _members(network: Network, phone: Phone, group: Group, change: Node) -> Sequence[Node]:
    people = [node.require_jid("jid") for node in change.children]
    outcomes = groups_changes.change_members(network, group, phone, change.tag, people)
    return [Node(change.tag, {}, [_outcome(outcome) for outcome in outcomes])]


@_in_group("set", "membership_requests_action")
def _decide(network: Network, phone: Phone, group: Group, action: Node) -> Sequence[Node]:
    answered = []
    for verdict in action.children:
        if verdict.tag not in ("approve", "reject"):
            raise StanzaError(400, "bad-request")
        people = [node.require_jid("jid") for node in verdict.children]
        approve = verdict.tag == "approve"
        outcomes = groups_changes.decide(network, group, phone, people, approve=approve)
        answered.append(Node(verdict.tag, {}, [_outcome(outcome) for outcome in outcomes]))
    return [Node("membership_requests_action", {}, answered)]


# --- settings


@_in_group("set", "subject")
def _subject(network: Network, phone: Phone, group: Group, subject: Node) -> Sequence[Node]:
    groups_settings.set_subject(network, group, phone, subject.data.decode(errors="replace"))
    return []


@_in_group("set", "description")
def _description(network: Network, phone: Phone, group: Group, node: Node) -> Sequence[Node]:
    body = node.child("body")
    text = body.data.decode(errors="replace") if body else ""
    new_id = node.text("id") or groups_notices.new_notification_id()
    previous_id = node.text("prev") if node.text("id") else group.description.id
    groups_settings.set_description(
        network, group, phone, text, new_id=new_id, previous_id=previous_id
    )
    return []


@_in_group("set", "announcement")
@_in_group("set", "not_announcement")
def _announce(network: Network, phone: Phone, group: Group, node: Node) -> Sequence[Node]:
    groups_settings.set_announce(network, group, phone, node.tag == "announcement")
    return []


@_in_group("set", "locked")
@_in_group("set", "unlocked")
def _lock(network: Network, phone: Phone, group: Group, node: Node) -> Sequence[Node]:
    groups_settings.set_locked(network, group, phone, node.tag == "locked")
    return []


@_in_group("set", "ephemeral")
@_in_group("set", "not_ephemeral")
def _ephemeral(network: Network, phone: Phone, group: Group, node: Node) -> Sequence[Node]:
    written = node.text("expiration") or "0"
    if not written.isdecimal() or int(written) > MAX_EXPIRATION_SECONDS:
        raise StanzaError(400, "bad-request")
    groups_settings.set_expiration(network, group, phone, int(written))
    return []


@_in_group("set", "membership_approval_mode")
def _approval(network: Network, phone: Phone, group: Group, node: Node) -> Sequence[Node]:
    state = node.require("group_join").text("state")
    groups_settings.set_approval(network, group, phone, state == "on")
    return []


@_in_group("set", "member_add_mode")
def _add_mode(network: Network, phone: Phone, group: Group, node: Node) -> Sequence[Node]:
    mode = node.data.decode(errors="replace")
    if mode not in (ADMINS_ADD, ALL_ADD):
        raise StanzaError(400, "bad-request")
    groups_settings.set_add_mode(network, group, phone, mode)
    return []
