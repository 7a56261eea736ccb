"""Which function stores which fact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from accounts.models import WhatsAppAccount
from sessions_mgr.engines import base

from ..avatars import news as avatars
from ..outbox import settling
from . import calls, changes, groups, messages, names, presence, reactions, receipts, trouble


def _settled(account: WhatsAppAccount, fact: base.SendSettled, at: datetime) -> None:
    settling.settle(account, fact, at)


def _crashed(account: WhatsAppAccount, fact: base.EngineCrashed, at: datetime) -> None:
    avatars.engine_crashed(account=account, fact=fact, at=at)


Store = Callable[[WhatsAppAccount, Any, datetime], None]

STORES: dict[type[base.EngineEvent], Store] = {
    base.MessageReceived: messages.received,
    base.Undecryptable: messages.undecryptable,
    base.ReceiptReceived: receipts.received,
    base.ReactionReceived: reactions.reacted,
    base.PollVoted: reactions.voted,
    base.MessageEdited: changes.edited,
    base.MessageRevoked: changes.revoked,
    base.SendSettled: _settled,
    base.GroupJoined: groups.joined,
    base.GroupChanged: groups.changed,
    base.CallOffered: calls.offered,
    base.ContactSeen: names.seen,
    base.PictureChanged: names.picture_changed,
    base.ChatsSynced: names.chats_synced,
    base.PresenceSeen: presence.seen,
    base.Restricted: trouble.restricted,
    base.LifeCutShort: trouble.life_cut_short,
    base.EngineCrashed: _crashed,
}


def record(*, account: WhatsAppAccount, fact: base.EngineEvent, at: datetime) -> None:
    """Store the fact and tell it. Facts of the connection are sessions_mgr's and pass by."""
    store = STORES.get(type(fact))
    if store is not None:
        store(account, fact, at)
