"""Who may do what in a group: the rules, and how a refusal is said to clients and people.

The numbers are what WhatsApp's server answers and clients understand: 403 not a member or not an
admin, 404 no such group or person, 406 not acceptable, 410 a revoked link, 401 only for admins,
409 already so.
"""

from sandbox.network.errors import Refusal
from sandbox.network.groups import Group
from sandbox.network.hub import Network
from sandbox.network.model import Phone
from sandbox.wire.jids import Jid

SUBJECT_LIMIT = 100
DESCRIPTION_LIMIT = 2048
MEMBER_LIMIT = 1024
DONE, FORBIDDEN, MISSING, NOT_ACCEPTABLE, CONFLICT, GONE = 200, 403, 404, 406, 409, 410
UNAUTHORIZED = 401
_CODES = {
    UNAUTHORIZED: ("not_group_admin", "not-authorized"),
    FORBIDDEN: ("group_forbidden", "forbidden"),
    MISSING: ("unknown_group", "item-not-found"),
    NOT_ACCEPTABLE: ("group_not_acceptable", "not-acceptable"),
    CONFLICT: ("already_member", "conflict"),
    GONE: ("invite_revoked", "gone"),
}


class GroupRefusal(Refusal):
    """A group's rules do not allow it. `number` and `text` go into the answer to an iq."""

    def __init__(self, number: int, detail: str) -> None:
        code, self.text = _CODES[number]
        super().__init__(code, detail)
        self.number = number


def group_at(network: Network, jid: Jid) -> Group:
    """The group at an address. Raises GroupRefusal (404)."""
    group = network.groups.find(jid)
    if group is None:
        raise GroupRefusal(MISSING, f"there is no group {jid}")
    return group


def require_member(group: Group, phone: Phone) -> None:
    """Raises GroupRefusal (403)."""
    if group.rank(phone.digits) is None:
        raise GroupRefusal(FORBIDDEN, f"{phone.number} is not in {group.jid}")


def require_admin(group: Group, phone: Phone, number: int = FORBIDDEN) -> None:
    """Raises GroupRefusal (403 or `number`)."""
    require_member(group, phone)
    if not group.is_admin(phone.digits):
        raise GroupRefusal(number, f"{phone.number} is not an admin of {group.jid}")


def require_editor(group: Group, phone: Phone) -> None:
    """Who may change subject, description and picture. Raises GroupRefusal (403)."""
    if group.locked:
        require_admin(group, phone)
    require_member(group, phone)


def check_subject(subject: str) -> None:
    """Raises GroupRefusal (406)."""
    if not subject or len(subject) > SUBJECT_LIMIT:
        detail = f"a subject has 1 to {SUBJECT_LIMIT} characters"
        raise GroupRefusal(NOT_ACCEPTABLE, detail)
