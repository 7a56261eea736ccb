"""Contacts and groups of a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Unpack

from .. import bodies
from ..models import (
    Avatar,
    Check,
    Contact,
    Group,
    GroupList,
    Invite,
    Joined,
    JoinWishes,
    Outcomes,
    Picture,
)
from .base import Id, Resource, part


class Contacts(Resource):
    def list(
        self, account_id: Id, *, search: str | None = None, limit: int | None = None
    ) -> Iterator[Contact]:
        """Everybody who wrote, was written to, or is in a group or the address book."""
        path = f"/accounts/{part(account_id)}/contacts"
        return self._walk(Contact, path, search=search, limit=limit)

    def get(self, account_id: Id, jid: str) -> Contact:
        """One person, by phone number, JID or LID."""
        return self._get(Contact, f"/accounts/{part(account_id)}/contacts/{part(jid)}")

    def check(self, account_id: Id, numbers: Sequence[str]) -> Check:
        """Which of these numbers are on WhatsApp, asked now."""
        body = {"numbers": list(numbers)}
        return self._post(Check, f"/accounts/{part(account_id)}/contacts/check", body)

    def avatar(self, account_id: Id, jid: str, *, community: bool | None = None) -> Avatar:
        """Where the picture is, and whether it is live, cached or our own drawing."""
        answer = self._send(
            "GET",
            f"/accounts/{part(account_id)}/contacts/{part(jid)}/avatar",
            query={"community": community},
            headers={"Accept": "application/json"},
        )
        return self._read(Avatar, answer)

    def avatar_image(self, account_id: Id, jid: str, *, community: bool | None = None) -> bytes:
        return self._send(
            "GET",
            f"/accounts/{part(account_id)}/contacts/{part(jid)}/avatar",
            query={"community": community},
            headers={"Accept": "image/*"},
        ).content


class Groups(Resource):
    def list(self, account_id: Id) -> GroupList:
        return self._get(GroupList, f"/accounts/{part(account_id)}/groups")

    def create(self, account_id: Id, **fields: Unpack[bodies.NewGroupRequest]) -> Group:
        return self._post(Group, f"/accounts/{part(account_id)}/groups", fields)

    def get(self, account_id: Id, jid: str) -> Group:
        return self._get(Group, _group(account_id, jid))

    def update(
        self, account_id: Id, jid: str, **fields: Unpack[bodies.PatchedGroupChangeRequest]
    ) -> Group:
        return self._patch(Group, _group(account_id, jid), fields)

    def change(
        self, account_id: Id, jid: str, **fields: Unpack[bodies.ParticipantsRequest]
    ) -> Outcomes:
        """Add, remove, promote or demote people."""
        return self._post(Outcomes, f"{_group(account_id, jid)}/participants", fields)

    def remove(self, account_id: Id, jid: str, participants: Sequence[str]) -> Outcomes:
        body = {"participants": list(participants)}
        path = f"{_group(account_id, jid)}/participants"
        return self._read(Outcomes, self._send("DELETE", path, json=body))

    def invite(self, account_id: Id, jid: str) -> Invite:
        return self._get(Invite, f"{_group(account_id, jid)}/invite")

    def new_invite(self, account_id: Id, jid: str) -> Invite:
        """A new link; the old one ends."""
        return self._post(Invite, f"{_group(account_id, jid)}/invite")

    def join(self, account_id: Id, **fields: Unpack[bodies.JoinRequest]) -> Joined:
        """Follow an invite link: `link` or its `code`."""
        return self._post(Joined, f"/accounts/{part(account_id)}/groups/join", fields)

    def leave(self, account_id: Id, jid: str) -> None:
        self._send("POST", f"{_group(account_id, jid)}/leave")

    def set_picture(self, account_id: Id, jid: str, image: bytes) -> Picture:
        path = f"{_group(account_id, jid)}/picture"
        return self._read(Picture, self._send("POST", path, files={"picture": ("image", image)}))

    def requests(self, account_id: Id, jid: str) -> JoinWishes:
        """Who asks to join."""
        return self._get(JoinWishes, f"{_group(account_id, jid)}/requests")

    def decide(
        self,
        account_id: Id,
        jid: str,
        *,
        action: Literal["approve", "reject"],
        participants: Sequence[str],
    ) -> Outcomes:
        body = {"action": action, "participants": list(participants)}
        return self._post(Outcomes, f"{_group(account_id, jid)}/requests", body)


def _group(account_id: Id, jid: str) -> str:
    return f"/accounts/{part(account_id)}/groups/{part(jid)}"
