"""How a message of ours comes to its end. Each verb is one transaction and idempotent.

The answer to the order, the same answer by the bus, an echo and a receipt may arrive in any order
and more than once: whoever comes first decides, the others change nothing. Rules:
- `sent` wins over everything that was only assumed (unknown, failed by time);
- `unknown` is only ever left by something that WhatsApp said;
- one `message` event when it was sent, one `message.ack` per change of status.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import WhatsAppAccount
from events import batches, types
from events import services as event_log
from sessions_mgr.engines import base

from ..models import Message, Outgoing, Pacing
from ..statuses import Status
from . import errors, merging, metrics, pacing, ties
from .requests import OPERATIONS

logger = logging.getLogger(__name__)

Error = dict[str, Any]  # {code, detail, until?}
UNSENT = frozenset({Status.QUEUED, Status.SENDING, Status.UNKNOWN, Status.FAILED})
RECEIPT_FITS_FOR = timedelta(days=2)  # an unknown message is not explained by a later receipt
CLOCKS_DIFFER = timedelta(seconds=60)


@batches.batch()
@transaction.atomic
def sent(message_id: UUID, *, wa_id: str, at: datetime, chat: base.Party | None = None) -> bool:
    """WhatsApp has it. False when that was known."""
    message = _locked(message_id)
    if message is None or message.wa_id or message.status not in UNSENT:
        return False
    told = merging.absorb_echo(message, wa_id)
    message.wa_id, message.timestamp, message.error = wa_id, at, None
    learned = ties.learn_chat(message, chat) if chat is not None else []
    _move(message, Status.SENT, at, "wa_id", "timestamp", "error", *learned)
    _finish(message, settled=True)
    if message.account.restrictions and _was_to_a_stranger(message):
        message.account.lift(errors.REACHOUT_TIMELOCK)
    if message.type in OPERATIONS:
        ties.apply_operation(message, at)
    elif not told:
        ties.announce(message, at)
    _acknowledge(message, at)
    ties.message_has_wa_id(message)
    spent = (timezone.now() - message.created_at).total_seconds()
    metrics.count_outcome(Status.SENT, seconds=spent)
    return True


@transaction.atomic
def failed(message_id: UUID, *, error: Error, at: datetime) -> bool:
    """It was not sent, and will not be. False when its end was known."""
    message = _locked(message_id)
    if message is None or message.status not in (Status.QUEUED, Status.SENDING, Status.UNKNOWN):
        return False
    message.error = error
    _move(message, Status.FAILED, at, "error")
    _finish(message, settled=True)
    _acknowledge(message, at)
    _consequences(message, error, at)
    metrics.count_outcome(Status.FAILED, str(error["code"]))
    about = {"account": str(message.account_id), "message_id": str(message.pk)}
    logger.info("a message was not sent: %s", error["code"], extra=about)
    return True


@transaction.atomic
def unknown(message_id: UUID, *, detail: str, at: datetime, wa_id: str = "") -> bool:
    """Nobody can say whether it was sent, so it is not sent again. False when its end was known.

    `wa_id` is what it has if it was: the first receipt or echo that names it settles the question.
    """
    message = _locked(message_id)
    if message is None or message.status not in (Status.QUEUED, Status.SENDING):
        return False
    message.error = {"code": errors.UNKNOWN_OUTCOME, "detail": detail}
    _move(message, Status.UNKNOWN, at, "error")
    _finish(message, settled=False)
    Outgoing.objects.filter(message=message).update(suspected_wa_id=wa_id[:120])
    _acknowledge(message, at)
    metrics.count_outcome(Status.UNKNOWN)
    return True


@transaction.atomic
def cancelled(message_id: UUID, *, at: datetime) -> bool:
    """Taken back. False when it was no longer queued."""
    message = _locked(message_id)
    if message is None or message.status != Status.QUEUED:
        return False
    _move(message, Status.CANCELLED, at)
    _finish(message, settled=True)
    _acknowledge(message, at)
    return True


@transaction.atomic(savepoint=False)
def sending(message: Message, at: datetime) -> None:
    """A worker is asked from now on. The caller holds the row and has checked its status."""
    if message.status == Status.QUEUED:
        _move(message, Status.SENDING, at)
        _acknowledge(message, at)


# What comes in by the bus ------------------------------------------------------------------------


def settle(account: WhatsAppAccount, fact: base.SendSettled, at: datetime) -> bool:
    """The worker's word on an order, by the bus. Again, or after the answer, it changes nothing."""
    try:
        message_id = UUID(fact.request_id)
    except ValueError:
        logger.warning("settled an order that is none of ours: %.60s", fact.request_id)
        return False
    if not Outgoing.objects.filter(account=account, message_id=message_id).exists():
        return False
    said_at = datetime.fromtimestamp(fact.timestamp, UTC) if fact.timestamp else at
    if fact.wa_id:
        return sent(message_id, wa_id=fact.wa_id, at=said_at)
    code = str(fact.error.get("code", "send_failed"))
    if code in errors.PASSING:
        return False  # nobody refused it; the order is tried again
    if code == errors.UNKNOWN_OUTCOME:
        detail, wa_id = (str(fact.error.get(name, "")) for name in ("detail", "wa_id"))
        return unknown(message_id, detail=detail, at=at, wa_id=wa_id)
    return failed(message_id, error=dict(fact.error), at=at)


@transaction.atomic
def claim_echo(account: WhatsAppAccount, fact: base.MessageReceived) -> Message | None:
    """Our own message that this echo is, settled by it; None when it is none of ours.

    For messages whose answer is still missing: same chat, type and text, and there is exactly one.
    Ingest asks before it makes a row for a message `from_me` with a wa_id that it does not know.
    """
    if not fact.from_me or fact.history:
        return None
    found = [outgoing.message for outgoing in _suspected(account, fact.wa_id)] or [
        outgoing.message
        for outgoing in _unsettled(account, fact.chat)
        if not outgoing.suspected_wa_id
        and outgoing.message.type == fact.type
        and outgoing.message.text == fact.text
        and _not_before(outgoing, fact.timestamp)
    ]
    if len(found) != 1:
        return None
    at = datetime.fromtimestamp(fact.timestamp, UTC)
    if not sent(found[0].pk, wa_id=fact.wa_id, at=at, chat=fact.chat):
        return None
    found[0].refresh_from_db()
    return found[0]


@transaction.atomic
def claim_receipt(account: WhatsAppAccount, fact: base.ReceiptReceived, wa_id: str) -> bool:
    """Settle the one `unknown` message that this receipt must be about. False when none fits.

    Heuristic: nobody sends receipts for messages that were not sent. A receipt for a wa_id that we
    do not know, in a chat where exactly one message of ours is unknown, written after that
    message, is taken as its receipt. The phone's own messages reach us as echoes before that, so
    their wa_ids are known. With two unknown messages in a chat nothing is guessed, and nothing has
    to be where the worker knew the wa_id.
    """
    found = _suspected(account, wa_id) or [
        outgoing
        for outgoing in _unsettled(account, fact.chat)
        if outgoing.message.status == Status.UNKNOWN
        and not outgoing.suspected_wa_id
        and outgoing.message.type not in OPERATIONS
        and _not_before(outgoing, fact.timestamp)
        and fact.timestamp <= (outgoing.created_at + RECEIPT_FITS_FOR).timestamp()
    ]
    if len(found) != 1:
        return False
    at = datetime.fromtimestamp(fact.timestamp, UTC)
    return sent(found[0].message_id, wa_id=wa_id, at=at, chat=fact.chat)


def _suspected(account: WhatsAppAccount, wa_id: str) -> list[Outgoing]:
    """The one order that has this wa_id if it was sent."""
    if not wa_id:
        return []
    unsettled = Outgoing.objects.unsettled().filter(account=account, suspected_wa_id=wa_id)
    return list(unsettled.select_related("message")[:1])


def _unsettled(account: WhatsAppAccount, chat: base.Party) -> list[Outgoing]:
    lanes = [name for name in (chat.jid, chat.lid) if name]
    lanes += ties.other_names(account, lanes)
    return list(
        Outgoing.objects.unsettled()
        .filter(account=account, lane__in=lanes, first_epoch__gt=0)
        .select_related("message")
    )


def _not_before(outgoing: Outgoing, timestamp: float) -> bool:
    """WhatsApp's times are whole seconds of another clock."""
    begun = outgoing.started_at or outgoing.created_at
    return timestamp >= (begun - CLOCKS_DIFFER).timestamp()


# Parts -------------------------------------------------------------------------------------------


def _locked(message_id: UUID) -> Message | None:
    event_log.take_turns(accounts__messages=message_id)
    return (
        Message.objects.select_for_update(of=("self",))
        .select_related("account")
        .filter(pk=message_id)
        .first()
    )


def _move(message: Message, status: Status, at: datetime, *also: str) -> None:
    """`also` names fields of the message that were changed with it."""
    message.status, message.status_at = status, at
    message.save(update_fields=["status", "status_at", *also])


def _finish(message: Message, *, settled: bool) -> None:
    Outgoing.objects.filter(message=message).update(finished_at=timezone.now(), settled=settled)


def _was_to_a_stranger(message: Message) -> bool:
    """The first in a chat of two: that is what a time-lock does not let through."""
    if message.chat_row is None or message.chat_row.type != "user":
        return False
    said = Message.objects.filter(chat_row=message.chat_row, wa_id__isnull=False)
    return not said.exclude(pk=message.pk).exists()


def _acknowledge(message: Message, at: datetime) -> None:
    data: dict[str, Any] = {
        "message_id": str(message.pk),
        "wa_id": message.wa_id,
        "status": message.status,
        "chat": message.chat,
    }
    if message.error:
        data["error"] = message.error
    event_log.append(
        workspace_id=message.account.workspace_id,
        account_id=message.account_id,
        type=types.MESSAGE_ACK,
        data=data,
        occurred_at=at,
    )


def _consequences(message: Message, error: Error, at: datetime) -> None:
    """What a refusal says about the account and not only about this message."""
    if error["code"] == errors.REACHOUT_TIMELOCK:
        ties.restrict(message.account, error, at)


@transaction.atomic
def slow_down(account_id: UUID, at: datetime) -> datetime:
    """WhatsApp said "too fast": the account pauses, longer each time. Until when."""
    held, _ = Pacing.objects.select_for_update().get_or_create(account_id=account_id)
    recent = held.struck_at is not None and at - held.struck_at < pacing.FORGIVEN_AFTER
    strikes = held.strikes + 1 if recent else 1
    until = max(at + pacing.pause_after(strikes), held.paused_until or at)
    Pacing.objects.filter(pk=account_id).update(strikes=strikes, struck_at=at, paused_until=until)
    return until
