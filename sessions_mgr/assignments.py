"""The node's verbs: what should run, who runs it, how a life ended, what to clean up.

Who may take what is decided in ownership/placement.py; here it becomes true, or is refused: every
change of the owner is compare-and-set on the epoch and makes a new one, which fences off what the
former owner's worker still says.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from django.db import transaction
from django.db.models import F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from .bus import carriers
from .lines import about
from .models import Session, StorePurge, WorkerExit
from .ownership.placement import Number
from .services import forget_identity
from .states import ACTIVE, Desired, Signal, Status
from .transitions import fence, locked, move
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


def wanted_sessions() -> dict[UUID, Number]:
    """Every session for which some node should run a worker, by account."""
    return {
        session.pk: Number(
            account=session.pk,
            workspace_id=session.account.workspace_id,
            epoch=session.epoch,
            mode="unlink" if session.unlink_pending else "connect",
            proxy_url=session.account.proxy,
            owner=session.node,
            released=session.released,
            store_jid=session.store_jid,
            connected=session.status == Status.CONNECTED,
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
    if not session.change(**fence(session), node=node, released=False, retry_at=None):
        return None
    if not session.unlink_pending:
        # Keeps the reason for which it is being started, if there is one.
        known = "" if session.reason_code == "node_gone" else session.reason_code
        move(session, Signal.WORKER_STARTED, reason=known or _came_back(session))
    return session.epoch


def _came_back(session: Session) -> str:
    """The reason for a start that nobody asked for: what ran before is gone with its node."""
    return "" if session.status == Status.STARTING else "node_restarted"


@transaction.atomic
def release(*, account_id: UUID, node: str) -> bool:
    """Leave a session to other nodes. Its worker here has ended. False when it is not ours."""
    session = locked(account_id)
    if session.node != node or session.released:
        return False
    if not session.change(**fence(session), released=True, retry_at=None):
        return False
    if session.desired == Desired.CONNECTED and not session.unlink_pending:
        move(session, Signal.WORKER_LOST, reason="node_drained")
    carriers.hint_sessions(account_id)
    return True


@transaction.atomic
def cast_adrift(*, account_id: UUID, epoch: int) -> bool:
    """Say that only a node that is away could run this session. False when that is no news."""
    session = locked(account_id)
    if session.epoch != epoch or session.unlink_pending or session.reason_code == "node_gone":
        return False
    if not session.change(**fence(session), retry_at=None):
        return False
    return move(session, Signal.WORKER_LOST, reason="node_gone")


@transaction.atomic
def hold_credentials(*, account_id: UUID, node: str, jid: str) -> None:
    """Credentials of the device `jid` were put into this node's folder: it owns the number."""
    session = locked(account_id)
    session.change(node=node, store_jid=jid, released=False)


class RestoreProgress(TypedDict):
    wanted: int
    connected: int
    waiting: int


def restore_progress() -> RestoreProgress:
    """How far a mass restore is: numbers with credentials that are to be connected, and that are.

    Numbers that wait for a person with a phone are not part of it.
    """
    linked = Session.objects.filter(desired=Desired.CONNECTED, status__in=ACTIVE).exclude(
        store_jid=""
    )
    wanted = linked.count()
    connected = linked.filter(status=Status.CONNECTED).count()
    return {"wanted": wanted, "connected": connected, "waiting": wanted - connected}


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
        if signal == Signal.LOGGED_OUT or exit == Exit.STORE_CORRUPT.name.lower():
            session.change(store_jid="")
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
        logger.error("gave up: %s (%s)", code, detail, extra=about(account_id))
        move(session, Signal.GAVE_UP, reason=code)


@transaction.atomic
def unlink_finished(*, account_id: UUID, epoch: int) -> None:
    """The link is gone (or could not be reached in time); the store is about to be purged."""
    session = locked(account_id)
    session.change(unlink_pending=False, store_jid="")


def purge_requested() -> list[tuple[UUID, UUID, str]]:
    """(account, workspace, owner) of deleted accounts whose folder is still to be removed."""
    unlinking = Session.objects.filter(unlink_pending=True).values("account_id")
    owner = Session.objects.filter(account_id=OuterRef("account_id")).values("node")[:1]
    return list(
        StorePurge.objects.exclude(account_id__in=unlinking)
        .annotate(owner=Coalesce(Subquery(owner), Value("")))
        .values_list("account_id", "workspace_id", "owner")
    )


def purge_done(account_id: UUID) -> None:
    StorePurge.objects.filter(account_id=account_id).delete()
