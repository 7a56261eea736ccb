"""Who may open the feed: a login session, a key in the subprotocol, or a one-time ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.sessions.models import Session as LoginSession
from django.utils import timezone

from accounts import lifecycle, tickets
from accounts.api.authentication import find_key
from accounts.models import (
    ApiKey,
    Membership,
    Scope,
    WhatsAppAccount,
    WhatsAppAccountQuerySet,
    Workspace,
)

PROTOCOL = "switchboard.v1"
BEARER = "bearer."


class NotAuthenticated(Exception):
    """No credential, or one that is wrong."""


class Suspended(Exception):
    """The workspace is suspended; the text says so in a sentence."""


class NotFound(Exception):
    """The credential is fine, but there is no such workspace or account for it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to read one workspace's feed, and what it rests on."""

    workspace: Workspace
    key_id: str = ""
    only: frozenset[UUID] | None = None  # the accounts that the key is restricted to
    user_id: UUID | None = None
    login: str = ""  # key of the browser's login session

    def holds(self) -> bool:
        """False once the key was revoked or has expired, or the person left or signed out.

        A feed may be open for days: whoever keeps one asks again and again. A ticket carries on
        the right of who asked for it.
        """
        if not Workspace.objects.working().filter(pk=self.workspace.pk).exists():
            return False
        if self.key_id:
            key = ApiKey.objects.working().filter(pk=self.key_id).first()
            return key is not None and key.only == self.only and key.allows(Scope.READ)
        if self.user_id is not None:
            member = Membership.objects.filter(
                workspace=self.workspace, user_id=self.user_id, user__is_active=True
            )
            signed_in = LoginSession.objects.filter(pk=self.login, expire_date__gt=timezone.now())
            return member.exists() and signed_in.exists()
        return True

    def accounts(self) -> WhatsAppAccountQuerySet:
        """The accounts that this feed may tell about."""
        return WhatsAppAccount.objects.reachable(self.workspace.pk, self.only)

    def scope(self, account_id: UUID | None) -> frozenset[UUID] | None:
        """Whose events to read when `account_id` is wished for; None: all of the workspace."""
        return self.only if account_id is None else frozenset({account_id})


def grant_of_key(key: ApiKey) -> Grant:
    return Grant(key.workspace, key_id=key.pk, only=key.only)


def grant_for(
    *, user: Any, protocols: list[str], ticket: str, workspace_id: str, login: str = ""
) -> Grant:
    """Which workspace's feed this connection may read, and by what right."""
    grant = _grant(user, protocols, ticket, workspace_id, login)
    if why := lifecycle.suspension(grant.workspace):
        raise Suspended(why)
    if grant.workspace.deleted_at:
        raise NotFound
    return grant


def _grant(user: Any, protocols: list[str], ticket: str, workspace_id: str, login: str) -> Grant:
    if ticket:
        return _of_ticket(ticket, workspace_id)
    for protocol in protocols:
        if protocol.startswith(BEARER):
            key = find_key(protocol.removeprefix(BEARER))
            if key is None or not key.allows(Scope.READ):
                raise NotAuthenticated
            _same(key.workspace, workspace_id)
            return grant_of_key(key)
    if not getattr(user, "is_authenticated", False):
        raise NotAuthenticated
    return Grant(_of_member(user, workspace_id), user_id=user.pk, login=login)


def _of_ticket(text: str, workspace_id: str) -> Grant:
    ticket = tickets.redeem(text)
    if ticket is None:
        raise NotAuthenticated
    workspace = _same(ticket.workspace, workspace_id)
    if ticket.key is not None:
        grant = Grant(workspace, key_id=ticket.key.pk, only=ticket.key.only)
    else:
        grant = Grant(workspace, user_id=ticket.user_id, login=ticket.login)
    if not grant.holds():  # the key was revoked since
        raise NotAuthenticated
    return grant


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
