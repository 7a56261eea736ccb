"""Groups: what changed in one, and what one is. Pure."""

from __future__ import annotations

import dataclasses
from typing import Any

from . import base
from .neonize_parties import party

NAME_CHARACTERS = 1024
DESCRIPTION_CHARACTERS = 4096
PARTICIPANTS = 2048  # WhatsApp allows 1024


def group_changed(event: Any) -> base.EngineEvent | None:
    """None for changes that we have no word for."""
    settings: dict[str, Any] = {}
    if event.HasField("Name"):
        settings["subject"] = event.Name.Name[:NAME_CHARACTERS]
    if event.HasField("Topic"):
        deleted = event.Topic.TopicDeleted
        settings["description"] = "" if deleted else event.Topic.Topic[:DESCRIPTION_CHARACTERS]
    if event.HasField("Announce"):
        settings["announce"] = event.Announce.IsAnnounce
    if event.HasField("Locked"):
        settings["locked"] = event.Locked.isLocked
    if event.HasField("Ephemeral"):
        settings["expires_in"] = _timer(event.Ephemeral)
    if event.HasField("Delete"):
        settings["deleted"] = event.Delete.Deleted
    if event.NewInviteLink:
        settings["invite_link"] = event.NewInviteLink[:NAME_CHARACTERS]
    people = {
        ours: [party(jid) for jid in getattr(event, theirs)[:PARTICIPANTS]]
        for ours, theirs in (
            ("joined", "Join"),
            ("left", "Leave"),
            ("promoted", "Promote"),
            ("demoted", "Demote"),
        )
    }
    if not settings and not any(people.values()):
        return None
    return base.GroupChanged(
        chat=party(event.JID),
        sender=party(event.Sender),
        timestamp=float(event.Timestamp),
        settings=settings,
        **people,
    )


def joined_group(event: Any, now: float) -> base.EngineEvent:
    group = event.GroupInfo
    return base.GroupJoined(
        chat=party(group.JID),
        timestamp=now,
        subject=group.GroupName.Name[:NAME_CHARACTERS],
        participants=[member_party(member) for member in _members(group)],
        reason=event.Reason[:NAME_CHARACTERS],
        expires_in=_timer(group.GroupEphemeral),
    )


def _timer(setting: Any) -> int:
    return int(setting.DisappearingTimer) if setting.IsEphemeral else 0


def _members(info: Any) -> list[Any]:
    """Who is in the group: who could not be put into a new one is listed too, with an error."""
    return [member for member in info.Participants[:PARTICIPANTS] if not member.Error]


def member_party(member: Any) -> base.Party:
    """A participant. WhatsApp names most of them by number and by hidden id."""
    other = member.PhoneNumber if member.JID.Server == "lid" else member.LID
    return party(member.JID, other, member.DisplayName[:NAME_CHARACTERS])


def group(info: Any) -> dict[str, Any]:
    """A group as the command `group_info` answers it. `created_at` is exact to two minutes: neonize
    passes it as a 32-bit float. `approval` is None: neonize leaves it out."""
    return {
        "jid": party(info.JID).jid,
        "subject": info.GroupName.Name[:NAME_CHARACTERS],
        "description": info.GroupTopic.Topic[:DESCRIPTION_CHARACTERS],
        "owner": dataclasses.asdict(party(info.OwnerJID, info.OwnerPN)),
        "created_at": float(info.GroupCreated) if info.GroupCreated > 0 else None,
        "announce": info.GroupAnnounce.IsAnnounce,
        "locked": info.GroupLocked.isLocked,
        "approval": None,
        "expires_in": _timer(info.GroupEphemeral),
        "community": info.GroupParent.IsParent,
        "parent_jid": party(info.GroupLinkedParent.LinkedParentJID).jid,
        "participants": [
            {
                "party": dataclasses.asdict(member_party(member)),
                "admin": member.IsAdmin or member.IsSuperAdmin,
                "superadmin": member.IsSuperAdmin,
            }
            for member in _members(info)
        ],
    }


def changes(participants: Any) -> list[dict[str, Any]]:
    """What became of each person of a change: code 200 is done; 403 not allowed by the person (send
    an invitation), 404 not on WhatsApp, 409 in it already, as WhatsApp numbers them."""
    return [
        {
            "jid": party(member.JID).jid,
            "party": dataclasses.asdict(member_party(member)),
            "code": int(member.Error) or 200,
            "invite_code": member.AddRequest.Code,
        }
        for member in participants[:PARTICIPANTS]
    ]
