"""Who may open the feed: a login session, a key in the subprotocol, or a one-time ticket."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts import tickets
from accounts.api.authentication import find_key
from accounts.models import Scope, Workspace

PROTOCOL = "switchboard.v1"
BEARER = "bearer."


class NotAuthenticated(Exception):
    """No credential, or one that is wrong."""


class NotFound(Exception):
    """The credential is fine, but there is no such workspace or account for it."""


def workspace_for(*, user: Any, protocols: list[str], ticket: str, workspace_id: str) -> Workspace:
    """The workspace whose feed this connection may read."""
    if ticket:
        found = tickets.redeem(ticket)
        if found is None:
            raise NotAuthenticated
        return _same(found, workspace_id)
    for protocol in protocols:
        if protocol.startswith(BEARER):
            key = find_key(protocol.removeprefix(BEARER))
            if key is None or not key.allows(Scope.READ):
                raise NotAuthenticated
            return _same(key.workspace, workspace_id)
    if not getattr(user, "is_authenticated", False):
        raise NotAuthenticated
    return _of_member(user, workspace_id)


def _of_member(user: Any, workspace_id: str) -> Workspace:
    mine = Workspace.objects.visible_to(user).order_by("created_at")
    if workspace_id:
        mine = mine.filter(pk=_uuid(workspace_id))
    found = mine.first()
    if found is None:
        raise NotFound
    return found


def _same(workspace: Workspace, workspace_id: str) -> Workspace:
    if workspace_id and workspace.pk != _uuid(workspace_id):
        raise NotFound
    return workspace


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
