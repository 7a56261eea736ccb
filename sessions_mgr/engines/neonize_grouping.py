"""Groups through neonize. What neonize 0.5.2 has no call for is `unsupported_by_engine`."""

from __future__ import annotations

import importlib
from typing import Any

from . import base, neonize_groups
from .neonize_access import Access
from .neonize_parties import jid_text

ACTIONS = ("add", "remove", "promote", "demote")


class NeonizeGroups:
    def __init__(self, access: Access) -> None:
        self._access = access
        self._enums = importlib.import_module("neonize.utils.enum")

    def all(self) -> list[dict[str, Any]]:
        groups = self._access.call("get_joined_groups", otherwise="group_failed")
        return [neonize_groups.group(group) for group in groups]

    def info(self, jid: str) -> dict[str, Any]:
        group = self._access.group(jid)
        found = self._access.call("get_group_info", group, otherwise="group_failed")
        return neonize_groups.group(found)

    def create(self, name: str, participants: list[str]) -> dict[str, Any]:
        people = self._access.people(participants)
        made = self._access.call("create_group", name, people, otherwise="group_failed")
        return neonize_groups.group(made)

    def change(self, jid: str, action: str, participants: list[str]) -> list[dict[str, Any]]:
        if action not in ACTIONS:
            raise base.EngineError("invalid_request", f"an action is one of {', '.join(ACTIONS)}")
        group, people = self._access.group(jid), self._access.people(participants)
        changed = self._access.call(
            "update_group_participants",
            group,
            people,
            self._enums.ParticipantChange(action),
            otherwise="group_failed",
        )
        return neonize_groups.changes(changed)

    def update(self, jid: str, settings: base.GroupSettings) -> None:
        group = self._access.group(jid)
        if settings.subject is not None:
            self._access.call("set_group_name", group, settings.subject, otherwise="group_failed")
        if settings.description is not None:
            words = settings.description
            self._access.call("set_group_topic", group, "", "", words, otherwise="group_failed")
        if settings.announce is not None:
            announce = settings.announce
            self._access.call("set_group_announce", group, announce, otherwise="group_failed")
        if settings.locked is not None:
            self._access.call("set_group_locked", group, settings.locked, otherwise="group_failed")

    def set_picture(self, jid: str, jpeg: bytes) -> str:
        group = self._access.group(jid)
        return str(self._access.call("set_group_photo", group, jpeg, otherwise="group_failed"))

    def invite_link(self, jid: str, *, reset: bool) -> str:
        group = self._access.group(jid)
        link = self._access.call("get_group_invite_link", group, reset, otherwise="group_failed")
        return str(link)

    def join(self, code: str) -> str:
        joined = self._access.call("join_group_with_link", code, otherwise="group_failed")
        return jid_text(joined)

    def leave(self, jid: str) -> None:
        self._access.call("leave_group", self._access.group(jid), otherwise="group_failed")

    def requests(self, jid: str) -> list[dict[str, Any]]:
        found = self._access.call(
            "get_group_request_participants", self._access.group(jid), otherwise="group_failed"
        )
        return [
            {"jid": jid_text(who.Participant), "requested_at": who.TimeAt / 1e6} for who in found
        ]

    def decide(self, jid: str, action: str, participants: list[str]) -> list[dict[str, Any]]:
        raise base.EngineError(
            "unsupported_by_engine",
            "This engine can list requests to join a group and not decide them; use the phone.",
        )
