"""The workspace: its people, its keys, its log. Most of it needs the scope admin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Unpack

from .. import bodies
from ..models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Member,
    NewApiKey,
    NewInvitation,
    Workspace,
)
from .base import Id, Resource, part


class WorkspaceOfKey(Resource):
    def get(self) -> Workspace:
        return self._get(Workspace, "/workspace")

    def update(self, **fields: Unpack[bodies.PatchedWorkspaceChangeRequest]) -> Workspace:
        """Rename it, or change the settings that are named; the others stay."""
        return self._patch(Workspace, "/workspace", fields)

    def audit(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[AuditEntry]:
        """Who did what, from where, newest first."""
        return self._walk(
            AuditEntry,
            "/audit",
            actor=actor,
            action=action,
            target=target,
            since=since and since.isoformat(),
            until=until and until.isoformat(),
            limit=limit,
        )


class ApiKeys(Resource):
    def list(self, *, limit: int | None = None) -> Iterator[ApiKey]:
        return self._walk(ApiKey, "/api-keys", limit=limit)

    def create(self, **fields: Unpack[bodies.ApiKeyRequest]) -> NewApiKey:
        """`key` is in this answer and in no other."""
        return self._post(NewApiKey, "/api-keys", fields)

    def update(self, key_id: Id, **fields: Unpack[bodies.PatchedKeyChangeRequest]) -> ApiKey:
        """Its name, scopes or accounts; the secret stays."""
        return self._patch(ApiKey, f"/api-keys/{part(key_id)}", fields)

    def revoke(self, key_id: Id) -> None:
        self._delete(f"/api-keys/{part(key_id)}")

    def rotate(self, key_id: Id, **fields: Unpack[bodies.KeyRotationRequest]) -> NewApiKey:
        """A new secret; the old one works beside it for a while."""
        return self._post(NewApiKey, f"/api-keys/{part(key_id)}/rotate", fields)


class Members(Resource):
    def list(self, *, limit: int | None = None) -> Iterator[Member]:
        return self._walk(Member, "/members", limit=limit)

    def get(self, member_id: Id) -> Member:
        return self._get(Member, f"/members/{part(member_id)}")

    def update(self, member_id: Id, **fields: Unpack[bodies.PatchedMemberRequest]) -> Member:
        return self._patch(Member, f"/members/{part(member_id)}", fields)

    def remove(self, member_id: Id) -> None:
        self._delete(f"/members/{part(member_id)}")

    def invitations(self, *, limit: int | None = None) -> Iterator[Invitation]:
        return self._walk(Invitation, "/invitations", limit=limit)

    def invite(self, **fields: Unpack[bodies.InvitationRequest]) -> NewInvitation:
        """`url` makes its holder a member, once, within a week; it is shown this once."""
        return self._post(NewInvitation, "/invitations", fields)

    def withdraw(self, invitation_id: Id) -> None:
        self._delete(f"/invitations/{part(invitation_id)}")
