"""Groups: that we are in one now, and what changes in it. The name is kept with the chat."""

from __future__ import annotations

from datetime import datetime

from accounts.models import WhatsAppAccount
from events import types
from events.models import rfc3339
from sessions_mgr.engines import base

from .. import chats, mappings, people
from ..moments import moment
from .names import tell_changed
from .telling import tell

SHOWN_MEMBERS = 1024  # participants that an event names; the group itself has them all


def joined(account: WhatsAppAccount, fact: base.GroupJoined, at: datetime) -> None:
    when = moment(fact.timestamp)
    chat = chats.of(account, fact.chat)
    _learn_names(account, fact.participants, when)
    if chat is not None:
        chats.rename(chat, fact.subject)
        chats.set_timer(chat, fact.expires_in, when)
    tell(
        account,
        types.GROUP_JOINED,
        when,
        {
            "chat": chats.describe(chat, chats.as_said(fact.chat)),
            "subject": fact.subject,
            "participants": people.shown_all(account, fact.participants[:SHOWN_MEMBERS]),
            "participant_count": len(fact.participants),
            "reason": fact.reason,
            "timestamp": rfc3339(when),
        },
    )


def changed(account: WhatsAppAccount, fact: base.GroupChanged, at: datetime) -> None:
    """Members and settings are two events; a fact may hold both, and an event is never empty."""
    when = moment(fact.timestamp)
    chat = chats.of(account, fact.chat)
    if chat is not None and isinstance(fact.settings.get("subject"), str):
        chats.rename(chat, fact.settings["subject"])
    if chat is not None and "expires_in" in fact.settings:
        chats.set_timer(chat, fact.settings["expires_in"], when)
    data = {
        "chat": chats.describe(chat, chats.as_said(fact.chat)),
        "sender": people.shown(account, fact.sender) if fact.sender.jid else None,
        "timestamp": rfc3339(when),
    }
    members = {
        name: people.shown_all(account, getattr(fact, name)[:SHOWN_MEMBERS])
        for name in ("joined", "left", "promoted", "demoted")
    }
    if any(members.values()):
        tell(account, types.GROUP_PARTICIPANTS, when, {**data, **members})
    if fact.settings:
        tell(account, types.GROUP_UPDATED, when, {**data, "settings": fact.settings})


def _learn_names(account: WhatsAppAccount, members: list[base.Party], at: datetime) -> None:
    for person, changes in mappings.learn(account, members):
        tell_changed(account, person, changes, at)
