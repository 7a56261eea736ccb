"""The table of roles, as a table."""

from __future__ import annotations

import pytest

from accounts.roles import RIGHTS, Right, Role, grantable, may, may_handle

TABLE = {
    #            owner admin operator viewer
    Right.SEE: (True, True, True, True),
    Right.OPERATE: (True, True, True, False),
    Right.SEND: (True, True, True, False),
    Right.ADMINISTER: (True, True, False, False),
    Right.KEYS: (True, True, False, False),
    Right.MEMBERS: (True, True, False, False),
    Right.AUDIT: (True, True, False, False),
    Right.OWN: (True, False, False, False),
}
ROLES = (Role.OWNER, Role.ADMIN, Role.OPERATOR, Role.VIEWER)


@pytest.mark.parametrize("right", list(Right))
def test_every_right_of_every_role(right):
    assert tuple(may(role, right) for role in ROLES) == TABLE[right]


def test_every_role_has_a_row():
    assert set(RIGHTS) == set(Role)


@pytest.mark.parametrize(("role", "right"), [("king", "see"), ("owner", "fly"), ("", "")])
def test_what_nobody_knows_is_refused(role, right):
    assert not may(role, right)


def test_only_owners_handle_owners():
    assert may_handle(Role.OWNER, Role.OWNER)
    assert not may_handle(Role.ADMIN, Role.OWNER)
    assert grantable(Role.ADMIN) == [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    assert grantable(Role.OPERATOR) == []
