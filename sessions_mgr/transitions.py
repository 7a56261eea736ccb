"""The one way a status changes: look up the table, compare-and-set, timeline row, event.

Callers hold the session's row lock (`locked`) inside their transaction.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.utils import timezone

from events import services as event_log
from events import types

from .lines import about
from .models import Session, StatusChange
from .reasons import sentence
from .states import Signal, Status, next_status

logger = logging.getLogger(__name__)

NO_CODES: dict[str, Any] = {
    "qr_code": "",
    "qr_attempt": 0,
    "qr_expires_at": None,
    "pairing_code": "",
    "pairing_code_expires_at": None,
}


def locked(account_id: UUID) -> Session:
    """The session, locked until the transaction ends. Created where an old row lacks one."""
    event_log.take_turns(accounts=account_id)
    sessions = Session.objects.select_for_update(of=("self",)).select_related("account")
    found = sessions.filter(pk=account_id).first()
    if found is None:
        Session.objects.get_or_create(account_id=account_id)
        found = sessions.get(pk=account_id)
    return found


def fence(session: Session) -> dict[str, Any]:
    """A new epoch: from now on the running worker's facts change nothing."""
    return {"epoch": session.epoch + 1}


def move(session: Session, signal: Signal, *, reason: str = "", message: str = "") -> bool:
    """Follow `signal` from the current status. False when the table has no such row.

    `reason` is a code of reasons.py; `message` replaces its sentence where more is known.
    A move that leaves status and reason as they were is no news and writes nothing.
    """
    before = Status(session.status)
    after = next_status(before, signal)
    if after is None:
        logger.info("ignored '%s' while %s", signal, before, extra=_context(session))
        return False
    text = message or (sentence(reason) if reason else "")
    if after == before and reason == session.reason_code:
        return True
    values: dict[str, Any] = {
        "status": after,
        "reason_code": reason,
        "reason_message": text[:400],
    }
    if after != before:
        values["status_since"] = timezone.now()
    if after != Status.QR_SCANNING:
        values |= NO_CODES
    if not session.change(**values):
        return False
    StatusChange.objects.create(
        account_id=session.pk,
        from_status=before,
        to_status=after,
        reason_code=reason,
        reason_message=text[:400],
        epoch=session.epoch,
    )
    if before == Status.QR_SCANNING and after != before:
        event_log.blank_codes(account_id=session.pk)
    event_log.append(
        workspace_id=session.account.workspace_id,
        account_id=session.pk,
        type=types.SESSION_STATUS,
        data={"status": after.value, "previous": before.value, "reason": session.reason},
    )
    logger.info(
        "%s -> %s%s", before, after, f" ({reason})" if reason else "", extra=_context(session)
    )
    return True


def _context(session: Session) -> dict[str, str | int]:
    return about(session.pk, workspace=session.account.workspace_id, epoch=session.epoch)
