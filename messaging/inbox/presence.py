"""Typing, recording, online: told and not kept."""

from __future__ import annotations

from datetime import datetime

from accounts.models import WhatsAppAccount
from events import types
from sessions_mgr.engines import base

from .. import chats, people
from .telling import tell


def seen(account: WhatsAppAccount, fact: base.PresenceSeen, at: datetime) -> None:
    tell(
        account,
        types.CHAT_PRESENCE,
        at,
        {
            "chat": chats.shown(account, fact.chat),
            "sender": people.shown(account, fact.sender),
            "state": fact.state,
        },
    )
