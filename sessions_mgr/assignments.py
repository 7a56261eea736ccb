"""The node's verbs: what should run, who runs it, how a life ended, what to clean up."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from .models import Session, StorePurge, WorkerExit
from .services import forget_identity
from .states import ACTIVE, Desired, Signal, Status
from .supervision.plan import Wanted
from .transitions import locked, move
from .worker.exits import Exit

logger = logging.getLogger(__name__)

# What an exit says about the status, when the worker's own fact did not arrive first.
ENDINGS: dict[str, tuple[Signal, str]] = {
    Exit.PAIRING_EXPIRED.name.lower(): (Signal.FAILED, "qr_timeout"),
    Exit.LOGGED_OUT.name.lower(): (Signal.LOGGED_OUT, "unlinked_by_phone"),
    Exit.UNLINKED.name.lower(): (Signal.LOGGED_OUT, "unlinked"),
    Exit.BANNED.name.lower(): (Signal.FAILED, "banned"),
    Exit.CLIENT_OUTDATED.name.lower(): (Signal.FAILED, "client_outdated"),
    Exit.REPLACED.name.lower(): (Signal.FAILED, "replaced"),
    Exit.PASSKEY_REQUIRED.name.lower(): (Signal.FAILED, "passkey_required"),
    Exit.STORE_CORRUPT.name.lower(): (Signal.FAILED, "store_corrupt"),
    Exit.CONNECT_REFUSED.name.lower(): (Signal.FAILED, "connect_refused"),
    Exit.PAIRING_REFUSED.name.lower(): (Signal.FAILED, "pairing_refused"),
    Exit.CONFIG_INVALID.name.lower(): (Signal.FAILED, "internal"),
}
LOSSES: dict[str, str] = {
    Exit.LINE_UNREACHABLE.name.lower(): "line_unreachable",
    Exit.SUPERVISOR_GONE.name.lower(): "node_restarted",
    Exit.STOPPED.name.lower(): "node_restarted",
    "hung": "worker_hung",
}


def wanted_sessions(node: str) -> dict[UUID, Wanted]:
    """Every session for which this node should run a worker, by account."""
    return {
        session.pk: Wanted(
            workspace_id=session.account.workspace_id,
            epoch=session.epoch,
            mode="unlink" if session.unlink_pending else "connect",
            proxy_url=session.account.proxy,
        )
        for session in Session.objects.wanted().select_related("account")
    }


@transaction.atomic
def take_assignment(*, account_id: UUID, node: str, seen_epoch: int) -> int | None:
    """A new epoch for the worker that `node` is about to start, or None when the plan is stale."""
    session = locked(account_id)
    wanted = session.unlink_pending or (
        session.desired == Desired.CONNECTED and session.status in ACTIVE
    )
    if not wanted or session.epoch != seen_epoch:
        return None
    if not session.change(epoch=session.epoch + 1, node=node, retry_at=None):
        return None
    if not session.unlink_pending:
        # Keeps the reason for which it is being started, if there is one.
        move(session, Signal.WORKER_STARTED, reason=session.reason_code or _came_back(session))
    return session.epoch


def _came_back(session: Session) -> str:
    """The reason for a start that nobody asked for: what ran before is gone with its node."""
    return "" if session.status == Status.STARTING else "node_restarted"


@transaction.atomic
def worker_ended(
    *,
    account_id: UUID,
    epoch: int,
    exit: str,
    detail: str,
    final: bool,
    retry_at: datetime | None,
) -> None:
    """Put the cause on record; move the status if this life is still the one that counts."""
    session = locked(account_id)
    WorkerExit.objects.create(
        account_id=account_id, epoch=epoch, node=session.node, cause=exit, detail=detail[:4000]
    )
    if session.epoch != epoch or session.unlink_pending:
        return
    if exit in ENDINGS:
        signal, reason = ENDINGS[exit]
        move(session, signal, reason=session.reason_code or reason)
        if signal == Signal.LOGGED_OUT:
            forget_identity(account_id)
        return
    if final:
        move(session, Signal.GAVE_UP, reason="internal")
        return
    session.change(restarts=F("restarts") + 1, retry_at=retry_at)
    session.refresh_from_db(fields=["restarts"])
    move(session, Signal.WORKER_LOST, reason=LOSSES.get(exit, "worker_crashed"))


@transaction.atomic
def gave_up(*, account_id: UUID, epoch: int, code: str, detail: str) -> None:
    """The crash budget is used up: failed, until a person connects again."""
    session = locked(account_id)
    if session.epoch == epoch and not session.unlink_pending:
        logger.error("gave up: %s (%s)", code, detail, extra={"account": str(account_id)})
        move(session, Signal.GAVE_UP, reason=code)


@transaction.atomic
def unlink_finished(*, account_id: UUID, epoch: int) -> None:
    """The link is gone (or could not be reached in time); the store is about to be purged."""
    session = locked(account_id)
    session.change(unlink_pending=False)


def purge_requested() -> list[tuple[UUID, UUID]]:
    """(account, workspace) of deleted accounts whose folder is still to be removed."""
    unlinking = Session.objects.filter(unlink_pending=True).values("account_id")
    return list(
        StorePurge.objects.exclude(account_id__in=unlinking).values_list(
            "account_id", "workspace_id"
        )
    )


def purge_done(account_id: UUID) -> None:
    StorePurge.objects.filter(account_id=account_id).delete()
