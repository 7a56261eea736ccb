"""What each role may do: the one table. Everybody who asks, asks here.

Pure: no rows, no requests. `Membership.may` and the console's decorator read it; a key has scopes
of its own (`models.Scope`).
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    OPERATOR = "operator", _("Operator")
    VIEWER = "viewer", _("Viewer")


class Right(TextChoices):
    SEE = "see"  # numbers, conversations, events, webhooks, members
    OPERATE = "operate"  # add, connect, rename, remove numbers; test and retry webhooks
    SEND = "send"  # write messages
    ADMINISTER = "administer"  # webhooks and the settings of the workspace
    KEYS = "keys"  # make, rotate, revoke API keys
    MEMBERS = "members"  # invite, change roles, remove
    AUDIT = "audit"  # read and export the audit log
    OWN = "own"  # owners, and the end of the workspace


_VIEWER = frozenset({Right.SEE})
_OPERATOR = _VIEWER | {Right.OPERATE, Right.SEND}
_ADMIN = _OPERATOR | {Right.ADMINISTER, Right.KEYS, Right.MEMBERS, Right.AUDIT}

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: _ADMIN,
    Role.OWNER: _ADMIN | {Right.OWN},
}

EXPLAINED: Mapping[Role, object] = {
    Role.OWNER: _("Everything, also other owners and the end of the workspace."),
    Role.ADMIN: _("Numbers, webhooks, keys, members and the audit log."),
    Role.OPERATOR: _("Connects numbers and sends messages."),
    Role.VIEWER: _("Sees everything, changes nothing."),
}


def may(role: str, right: str) -> bool:
    """False also for a role or a right that nobody knows."""
    return role in RIGHTS and right in RIGHTS[Role(role)]


def may_handle(actor: str, role: str) -> bool:
    """Whether `actor` may give somebody `role`, or change or remove somebody who has it."""
    if role == Role.OWNER:
        return may(actor, Right.OWN)
    return may(actor, Right.MEMBERS)


def grantable(actor: str) -> list[Role]:
    """The roles that `actor` may give, the least first."""
    return [role for role in reversed(Role) if may_handle(actor, role)]
