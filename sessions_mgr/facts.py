"""What workers said, written into the database. Called by ingest, once per fact of the stream."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import WhatsAppAccount
from events import services as event_log
from events import types
from events.models import rfc3339

from .bus import carriers
from .engines import base
from .lines import about
from .models import Session
from .reasons import BANNED_UNTIL, PHONE_IN_USE
from .services import forget_identity
from .states import ACTIVE, SIGNALS, Desired, Signal, Status
from .transitions import fence, locked, move

logger = logging.getLogger(__name__)

TEMPORARY_BAN = "temporary_ban"


@transaction.atomic
def record_fact(*, account_id: UUID, epoch: int, fact: base.EngineEvent, at: datetime) -> bool:
    """Let a worker's fact move its session. False when it came too late to matter."""
    if type(fact) not in SIGNALS:
        return False
    session = locked(account_id)
    _remember_device(session, fact, epoch)
    if session.epoch != epoch or session.unlink_pending:
        logger.info(
            "ignored %s of epoch %d, now %d",
            fact.kind,
            epoch,
            session.epoch,
            extra=about(account_id, workspace=session.account.workspace_id, epoch=epoch),
        )
        return False
    if isinstance(fact, base.QrIssued | base.PairingCodeIssued):
        return _code_issued(session, fact, at)
    if isinstance(fact, base.KeepAliveRestored) and session.status != Status.RECONNECTING:
        return False
    if isinstance(fact, base.Paired | base.Connected):
        return _linked(session, fact, at)
    signal, reason = SIGNALS[type(fact)]
    moved = move(session, signal, reason=reason, message=_message(fact))
    if moved and signal == Signal.LOGGED_OUT:
        session.change(store_jid="")
        forget_identity(account_id)
    if isinstance(fact, base.TemporarilyBanned):
        _restrict(session, fact, at)
    return moved


def _remember_device(session: Session, fact: base.EngineEvent, epoch: int) -> None:
    """Whose credentials the store holds. A pairing that arrives late has stored its device too."""
    timely = isinstance(fact, base.Connected) and session.epoch == epoch
    if (timely or isinstance(fact, base.Paired)) and not session.unlink_pending:
        assert isinstance(fact, base.Paired | base.Connected)
        if fact.jid != session.store_jid:
            session.change(store_jid=fact.jid)


def _code_issued(
    session: Session, fact: base.QrIssued | base.PairingCodeIssued, at: datetime
) -> bool:
    if not move(session, Signal.CODE):
        return False
    expires_at = datetime.fromtimestamp(fact.expires_at, UTC)
    data: dict[str, object] = {"code": fact.code, "expires_at": rfc3339(expires_at)}
    if isinstance(fact, base.QrIssued):
        session.change(qr_code=fact.code, qr_attempt=fact.attempt, qr_expires_at=expires_at)
        data["attempt"] = fact.attempt
        kind = types.SESSION_QR
    else:
        session.change(pairing_code=fact.code, pairing_code_expires_at=expires_at)
        kind = types.SESSION_PAIRING_CODE
    event = event_log.append(
        workspace_id=session.account.workspace_id,
        account_id=session.pk,
        type=kind,
        data=data,
        occurred_at=at,
    )
    event_log.blank_codes(account_id=session.pk, before_seq=event.seq, event_type=kind)
    return True


def _linked(session: Session, fact: base.Paired | base.Connected, at: datetime) -> bool:
    """Store who we are now. Refuses a phone that another account of the workspace holds."""
    if session.status not in ACTIVE:
        return False
    identity: dict[str, object] = {
        "jid": without_device(fact.jid) or None,
        "lid": without_device(fact.lid) or None,
        "device_jid": fact.jid,
        "phone_number": fact.phone_number or None,
        "updated_at": timezone.now(),
    }
    if isinstance(fact, base.Connected):
        identity["push_name"] = fact.push_name
        if session.status != Status.CONNECTED:
            identity |= {"connected_at": at, "disconnected_at": None}
    try:
        with transaction.atomic():
            WhatsAppAccount.objects.filter(pk=session.pk).update(**identity)
    except IntegrityError:
        _refuse_second_link(session, fact.phone_number)
        return True
    if isinstance(fact, base.Connected):
        session.account.lift(TEMPORARY_BAN)
    else:  # perhaps another number
        WhatsAppAccount.objects.filter(pk=session.pk).update(restrictions=[])
    signal, reason = SIGNALS[type(fact)]
    return move(session, signal, reason=reason)


def without_device(jid: str) -> str:
    """ "15550001:3@s.whatsapp.net" is device 3 of "15550001@s.whatsapp.net"."""
    user, at, server = jid.partition("@")
    return user.partition(":")[0] + at + server


def _refuse_second_link(session: Session, phone_number: str) -> None:
    other = (
        WhatsAppAccount.objects.filter(
            workspace_id=session.account.workspace_id, phone_number=phone_number
        )
        .exclude(pk=session.pk)
        .first()
    )
    name = f"'{other.label}' ({other.pk})" if other else "another account"
    session.change(desired=Desired.DISCONNECTED, unlink_pending=True, **fence(session))
    move(
        session,
        Signal.FAILED,
        reason="phone_in_use",
        message=PHONE_IN_USE % {"phone_number": phone_number, "name": name},
    )
    forget_identity(session.pk)
    carriers.hint_sessions(session.pk)


def _message(fact: base.EngineEvent) -> str:
    """The sentence for facts that carry more than their reason's own sentence says."""
    if isinstance(fact, base.TemporarilyBanned) and fact.expires_at:
        until = datetime.fromtimestamp(fact.expires_at, UTC)
        return BANNED_UNTIL % {"until": rfc3339(until)}
    return ""


def _restrict(session: Session, fact: base.TemporarilyBanned, at: datetime) -> None:
    until = rfc3339(datetime.fromtimestamp(fact.expires_at, UTC)) if fact.expires_at else None
    restriction = {"kind": TEMPORARY_BAN, "code": fact.code, "until": until, "since": rfc3339(at)}
    WhatsAppAccount.objects.filter(pk=session.pk).update(restrictions=[restriction])
    event_log.append(
        workspace_id=session.account.workspace_id,
        account_id=session.pk,
        type=types.ACCOUNT_RESTRICTED,
        data=restriction,
        occurred_at=at,
    )
