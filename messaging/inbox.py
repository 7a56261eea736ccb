"""Facts about messages become rows and events. Runs inside ingest's transaction.

A late message is stored whatever the epoch: WhatsApp was told that we have it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from accounts.models import WhatsAppAccount
from events import services as event_log
from events import types
from events.models import rfc3339
from sessions_mgr.engines import base

from .models import Direction, Message


def record(*, account: WhatsAppAccount, fact: base.EngineEvent, at: datetime) -> None:
    match fact:
        case base.MessageReceived():
            _message(account, fact)
        case base.ReceiptReceived():
            _receipt(account, fact)
        case base.Undecryptable():
            _undecryptable(account, fact)
        case base.LifeCutShort():
            _append(
                account,
                types.MESSAGE_GAP,
                at,
                {
                    "wa_id": None,
                    "chat": None,
                    "sender": None,
                    "since": rfc3339(datetime.fromtimestamp(fact.last_alive_at, UTC)),
                    "until": rfc3339(at),
                    "detail": "worker_killed",
                },
            )
        case base.PresenceSeen():
            _append(
                account,
                types.CHAT_PRESENCE,
                at,
                {"chat": _chat(fact.chat), "sender": _person(fact.sender), "state": fact.state},
            )


def _message(account: WhatsAppAccount, fact: base.MessageReceived) -> None:
    timestamp = datetime.fromtimestamp(fact.timestamp, UTC)
    message, created = Message.objects.get_or_create(
        account=account,
        wa_id=fact.wa_id,
        defaults={
            "direction": Direction.OUT if fact.from_me else Direction.IN,
            "chat": _chat(fact.chat),
            "sender": _person(fact.sender),
            "type": fact.type,
            "raw_type": fact.raw_type,
            "text": fact.text,
            "timestamp": timestamp,
        },
    )
    if created:
        _append(account, types.MESSAGE, timestamp, describe(message))


def describe(message: Message) -> dict[str, Any]:
    """The message as events and the API show it."""
    return {
        "id": str(message.pk),
        "wa_id": message.wa_id,
        "direction": message.direction,
        "chat": message.chat,
        "sender": message.sender,
        "type": message.type,
        "text": message.text,
        "media": None,
        "quoted": None,
        "mentions": [],
        "timestamp": rfc3339(message.timestamp),
        "raw_type": message.raw_type,
    }


def _receipt(account: WhatsAppAccount, fact: base.ReceiptReceived) -> None:
    known = dict(
        Message.objects.filter(account=account, wa_id__in=fact.wa_ids).values_list("wa_id", "id")
    )
    at = datetime.fromtimestamp(fact.timestamp, UTC)
    for wa_id in fact.wa_ids:
        message_id = known.get(wa_id)
        _append(
            account,
            types.MESSAGE_ACK,
            at,
            {
                "message_id": str(message_id) if message_id else None,
                "wa_id": wa_id,
                "status": fact.status,
                "chat": _chat(fact.chat),
                "sender": _person(fact.sender),
            },
        )


def _undecryptable(account: WhatsAppAccount, fact: base.Undecryptable) -> None:
    at = datetime.fromtimestamp(fact.timestamp, UTC)
    lost = fact.detail == base.SEEN_BEFORE
    if lost and Message.objects.filter(account=account, wa_id=fact.wa_id).exists():
        return  # delivered again by WhatsApp, and we have it
    _append(
        account,
        types.MESSAGE_GAP if lost else types.MESSAGE_UNDECRYPTABLE,
        at,
        {
            "wa_id": fact.wa_id,
            "chat": _chat(fact.chat),
            "sender": _person(fact.sender),
            "detail": fact.detail,
        },
    )


def _append(account: WhatsAppAccount, kind: str, at: datetime, data: dict[str, Any]) -> None:
    event_log.append(
        workspace_id=account.workspace_id,
        account_id=account.pk,
        type=kind,
        data=data,
        occurred_at=at,
    )


def _chat(party: base.Party) -> dict[str, str]:
    return {"jid": party.jid, "lid": party.lid, "type": party.type}


def _person(party: base.Party) -> dict[str, str]:
    return {
        "jid": party.jid,
        "lid": party.lid,
        "phone_number": party.phone_number,
        "push_name": party.push_name,
    }
