"""How people come into groups and leave them. Storage and news; the rules are in `groups_rules`.

Every function takes who does it (a phone: whether by one of its companions or by itself is the
same to a group).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.network import groups_keys, groups_notices
from sandbox.network.groups import ADMIN, ALL_ADD, MEMBER, OWNER, Group, new_invite
from sandbox.network.groups_rules import (
    CONFLICT,
    DONE,
    GONE,
    MEMBER_LIMIT,
    MISSING,
    NOT_ACCEPTABLE,
    UNAUTHORIZED,
    GroupRefusal,
    check_subject,
    require_admin,
    require_member,
)
from sandbox.network.hub import Network
from sandbox.network.model import Phone
from sandbox.wire import group_stanzas
from sandbox.wire.jids import Jid
from sandbox.wire.nodes import Attribute, Node

ADD, REMOVE, PROMOTE, DEMOTE = "add", "remove", "promote", "demote"
ACTIONS = frozenset({ADD, REMOVE, PROMOTE, DEMOTE})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one person in a change of members; `phone` is None for an unknown address."""

    jid: Jid
    phone: Phone | None
    code: int
    rank: str = MEMBER


# --- making a group, and who is in it


def create(
    network: Network,
    owner: Phone,
    subject: str,
    people: Sequence[Jid],
    *,
    settings: Sequence[Node] = (),
    key: str = "",
) -> tuple[Group, list[Outcome]]:
    """A new group with these people, as far as they exist. Raises GroupRefusal (406)."""
    check_subject(subject)
    group = Group.create(owner.digits, subject, network.now())
    for setting in settings:
        _preset(group, setting)
    outcomes = [_join(network, group, jid) for jid in people]
    outcomes = [outcome for outcome in outcomes if outcome.phone is not owner]
    network.groups.save(group)
    attrs: dict[str, Attribute] = {"type": "new", "key": key}
    groups_notices.tell_added(network, group, owner, group.members, attrs)
    return group, outcomes


def _preset(group: Group, setting: Node) -> None:
    if setting.tag == "locked":
        group.locked = True
    elif setting.tag == "announcement":
        group.announce = True
    elif setting.tag == "ephemeral":
        seconds = setting.text("expiration")
        group.expiration = int(seconds) if seconds.isdecimal() else 0
    elif setting.tag == "membership_approval_mode":
        group.approval = _state(setting)


def _state(setting: Node) -> bool:
    join = setting.child("group_join")
    return bool(join and join.text("state") == "on")


def _join(network: Network, group: Group, jid: Jid) -> Outcome:
    phone = network.find(jid)
    if phone is None:
        return Outcome(jid, None, MISSING)
    if phone.digits in group.members:
        return Outcome(jid, phone, CONFLICT)
    if len(group.members) >= MEMBER_LIMIT:
        return Outcome(jid, phone, NOT_ACCEPTABLE)
    group.members[phone.digits] = MEMBER
    group.requests.pop(phone.digits, None)
    return Outcome(jid, phone, DONE)


def change_members(
    network: Network, group: Group, author: Phone, action: str, people: Sequence[Jid]
) -> list[Outcome]:
    """Add, remove, promote or demote; one outcome per address. Raises GroupRefusal (403)."""
    if action == ADD and group.add_mode == ALL_ADD:
        require_member(group, author)
    else:
        require_admin(group, author)
    before = list(group.members)
    change = {ADD: _join, REMOVE: _take_out, PROMOTE: _promote, DEMOTE: _demote}[action]
    outcomes = [change(network, group, jid) for jid in people]
    changed = [outcome for outcome in outcomes if outcome.phone and outcome.code == DONE]
    if changed:
        _announce_members(network, group, author, action, changed, before)
    return outcomes


def _take_out(network: Network, group: Group, jid: Jid) -> Outcome:
    phone = network.find(jid)
    rank = group.rank(phone.digits) if phone else None
    if phone is None or rank is None:
        return Outcome(jid, phone, MISSING)
    if rank == OWNER:
        return Outcome(jid, phone, NOT_ACCEPTABLE, rank)
    del group.members[phone.digits]
    return Outcome(jid, phone, DONE)


def _promote(network: Network, group: Group, jid: Jid) -> Outcome:
    return _set_rank(network, group, jid, ADMIN)


def _demote(network: Network, group: Group, jid: Jid) -> Outcome:
    return _set_rank(network, group, jid, MEMBER)


def _set_rank(network: Network, group: Group, jid: Jid, rank: str) -> Outcome:
    phone = network.find(jid)
    present = group.rank(phone.digits) if phone else None
    if phone is None or present is None:
        return Outcome(jid, phone, MISSING)
    if present == OWNER:
        return Outcome(jid, phone, NOT_ACCEPTABLE, present)
    group.members[phone.digits] = rank
    return Outcome(jid, phone, DONE, rank)


def _announce_members(
    network: Network,
    group: Group,
    author: Phone,
    action: str,
    changed: Sequence[Outcome],
    before: Sequence[str],
    reason: str = "",
) -> None:
    """Those who were in and those who are in hear of it; newcomers get the whole group."""
    group.version += 1
    network.groups.save(group)
    if action == REMOVE:
        groups_keys.forget_own_keys(network, group)
    nodes = [
        group_stanzas.participant(groups_notices.person(outcome.phone), rank=outcome.rank)
        for outcome in changed
        if outcome.phone
    ]
    news = group_stanzas.members_changed(action, nodes, version=group.version, reason=reason)
    groups_notices.tell(network, group, author, [news], to=before)
    added = [digits for digits in group.members if digits not in before]
    groups_notices.tell_added(network, group, author, added, {"reason": reason})


def leave(network: Network, group: Group, phone: Phone) -> None:
    """Somebody goes; when no admin is left, the oldest member becomes one.

    Raises GroupRefusal (404 when they are not in it).
    """
    if group.rank(phone.digits) is None:
        raise GroupRefusal(MISSING, f"{phone.number} is not in {group.jid}")
    before = list(group.members)
    del group.members[phone.digits]
    gone = [Outcome(phone.lid, phone, DONE)]
    _announce_members(network, group, phone, REMOVE, gone, before)
    if group.members and not any(group.is_admin(digits) for digits in group.members):
        heir = network.phone(next(iter(group.members)))
        group.members[heir.digits] = ADMIN
        promoted = [Outcome(heir.lid, heir, DONE, ADMIN)]
        _announce_members(network, group, heir, PROMOTE, promoted, list(group.members))


# --- invitations


def invite_link(group: Group, phone: Phone) -> str:
    """The code of the link. Raises GroupRefusal (403, 401)."""
    require_admin(group, phone, UNAUTHORIZED)
    return group.invite


def reset_invite(network: Network, group: Group, phone: Phone) -> str:
    """A new code; the old one is revoked. Raises GroupRefusal (403, 401)."""
    require_admin(group, phone, UNAUTHORIZED)
    group.revoked.append(group.invite)
    group.invite = new_invite()
    network.groups.save(group)
    groups_notices.tell(network, group, phone, [Node("invite", {"code": group.invite})])
    return group.invite


def invited(network: Network, code: str) -> Group:
    """The group that a link leads to. Raises GroupRefusal (410 revoked, 406 never was)."""
    group = network.groups.by_invite(code)
    if group is None:
        number = GONE if network.groups.was_revoked(code) else NOT_ACCEPTABLE
        raise GroupRefusal(number, "the invite link is not valid")
    return group


def join(network: Network, phone: Phone, code: str) -> tuple[Group, bool]:
    """Join by link: the group, and whether the admins must agree first. Raises GroupRefusal."""
    group = invited(network, code)
    if phone.digits in group.members:
        raise GroupRefusal(CONFLICT, f"{phone.number} is in {group.jid} already")
    if group.approval:
        group.requests.setdefault(phone.digits, network.now())
        network.groups.save(group)
        _announce_request(network, group, phone)
        return group, True
    _enter(network, group, phone, phone, "invite")
    return group, False


def _enter(network: Network, group: Group, author: Phone, phone: Phone, reason: str) -> None:
    before = list(group.members)
    outcome = _join(network, group, phone.lid)
    if outcome.code != DONE:
        raise GroupRefusal(outcome.code, f"{phone.number} cannot join {group.jid}")
    _announce_members(network, group, author, ADD, [outcome], before, reason)


def _announce_request(network: Network, group: Group, phone: Phone) -> None:
    admins = [digits for digits in group.members if group.is_admin(digits)]
    user = group_stanzas.participant(groups_notices.person(phone), tag="requested_user")
    news = Node("created_membership_requests", {"request_method": "invite_link"}, [user])
    groups_notices.tell(network, group, phone, [news], to=admins)


def decide(
    network: Network, group: Group, author: Phone, people: Sequence[Jid], *, approve: bool
) -> list[Outcome]:
    """Let people in who asked, or turn them away. Raises GroupRefusal (403)."""
    require_admin(group, author)
    outcomes = []
    for jid in people:
        phone = network.find(jid)
        if phone is None or group.requests.pop(phone.digits, None) is None:
            outcomes.append(Outcome(jid, phone, MISSING))
            continue
        if approve:
            _enter(network, group, author, phone, "")
        outcomes.append(Outcome(jid, phone, DONE))
    network.groups.save(group)
    return outcomes
