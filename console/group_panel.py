"""Who is in a group: asked from the worker within a deadline, else what we have seen ourselves."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from accounts.models import WhatsAppAccount
from messaging import groups, people
from messaging.models import Chat, Contact
from sessions_mgr import commands
from sessions_mgr.engines.base import Party

from .message_words import who

PATIENCE = 4.0  # seconds
MEMBERS_SHOWN = 300


def panel_of(account: WhatsAppAccount, chat: Chat) -> dict[str, Any]:
    """{subject, description, announce, members, count, problem}; never raises for WhatsApp."""
    try:
        told = commands.order(account, "group_info", jid=chat.jid, timeout=PATIENCE)
        group = groups.described(account, told)
    except commands.CommandFailed as exc:
        return _known(chat, exc.detail)
    members = group["participants"] or []
    return {
        "subject": group["subject"] or chat.name,
        "description": group["description"],
        "announce": group["announce"],
        "locked": group["locked"],
        "members": [_member(account, one) for one in _admins_first(members)][:MEMBERS_SHOWN],
        "count": len(members),
        "problem": "",
    }


def _admins_first(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(members, key=lambda one: (not one["superadmin"], not one["admin"]))


def _member(account: WhatsAppAccount, member: dict[str, Any]) -> dict[str, Any]:
    party = Party(jid=member["jid"], lid=member["lid"])
    rank = _("admin") if member["admin"] or member["superadmin"] else ""
    return {
        "name": _("this number") if people.is_us(account, party) else who(member),
        "phone_number": member["phone_number"],
        "rank": _("owner") if member["superadmin"] else rank,
    }


def _known(chat: Chat, problem: str) -> dict[str, Any]:
    """Those who wrote here, as far as we have seen."""
    seen = Contact.objects.filter(messages__chat_row=chat, messages__direction="in").distinct()
    members = [
        {"name": person.name or who({"jid": person.jid}), "phone_number": person.phone_number}
        for person in seen.order_by("id")[:MEMBERS_SHOWN]
    ]
    return {
        "subject": chat.name,
        "description": "",
        "members": members,
        "count": len(members),
        "problem": problem,
    }
