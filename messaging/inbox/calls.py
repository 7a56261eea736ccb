"""Calls: that somebody calls. Nobody can be answered from here."""

from __future__ import annotations

from datetime import datetime

from accounts.models import WhatsAppAccount
from events import types
from events.models import rfc3339
from sessions_mgr.engines import base

from .. import chats, people
from ..moments import moment
from .telling import tell


def offered(account: WhatsAppAccount, fact: base.CallOffered, at: datetime) -> None:
    when = moment(fact.timestamp)
    tell(
        account,
        types.CALL_OFFER,
        when,
        {
            "call_id": fact.call_id,
            "chat": chats.shown(account, fact.chat),
            "sender": people.shown(account, fact.sender),
            "video": fact.video,
            "group": fact.group,
            "timestamp": rfc3339(when),
        },
    )
