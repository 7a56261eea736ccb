"""Verbs on sessions. Each is one transaction, idempotent, and safe to call from anywhere.

People and apps: request_connect, request_disconnect, request_logout, request_restart,
request_pairing_code, delete_account. The node that runs workers has its verbs in assignments.py,
the ingest of what workers say has record_fact in facts.py. All of them change a status through
transitions.move.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import quotas
from accounts import services as accounts
from accounts.models import WhatsAppAccount, Workspace

from . import commands
from .bus import carriers
from .models import Session, StorePurge
from .states import ACTIVE, Desired, Signal, Status
from .transitions import fence, locked, move


@transaction.atomic
def create_account(
    *,
    workspace: Workspace,
    label: str,
    actor: str,
    metadata: dict[str, Any] | None = None,
    proxy: str = "",
) -> WhatsAppAccount:
    """quotas.QuotaExceeded when the workspace has as many numbers as it may."""
    quotas.check_numbers(workspace)
    account = WhatsAppAccount(workspace=workspace, label=label, metadata=metadata or {})
    account.proxy = proxy
    account.save(force_insert=True)
    Session.objects.create(account=account)
    accounts.record(
        workspace=workspace,
        actor=actor,
        action="account.created",
        target=str(account.pk),
        label=label,
    )
    return account


@transaction.atomic
def update_account(*, account: WhatsAppAccount, actor: str, **changes: Any) -> None:
    """Change label, metadata or proxy. A new proxy is used from the worker's next start on."""
    for name, value in changes.items():
        setattr(account, name, value)
    columns = ["sealed_proxy" if name == "proxy" else name for name in changes]
    account.save(update_fields=[*columns, "updated_at"])
    accounts.record(
        workspace=account.workspace,
        actor=actor,
        action="account.changed",
        target=str(account.pk),
        fields=sorted(changes),
    )


@transaction.atomic
def request_connect(*, account: WhatsAppAccount, actor: str = "system") -> Session:
    """Ask for a running session. Asking twice is asking once; nothing is restarted."""
    session = locked(account.pk)
    if session.desired == Desired.CONNECTED and session.status in ACTIVE:
        return session
    # The new epoch also fences off the end of a life that has just failed.
    session.change(desired=Desired.CONNECTED, retry_at=None, **fence(session))
    move(session, Signal.CONNECT)
    _audit(account, actor, "account.connect")
    carriers.hint_sessions(account.pk)
    return session


@transaction.atomic
def request_disconnect(*, account: WhatsAppAccount, actor: str = "system") -> tuple[Session, bool]:
    """Nothing runs for this account any more, whatever state it was in.

    Returns the session and whether it had been disconnected already. The new epoch fences off what
    the old worker still says; stopping that worker is the node's business and cannot fail this.
    """
    session = locked(account.pk)
    if session.status == Status.DISCONNECTED and session.desired == Desired.DISCONNECTED:
        return session, True
    _let_go(session)
    _audit(account, actor, "account.disconnect")
    carriers.hint_sessions(account.pk)
    return session, False


@transaction.atomic
def request_logout(*, account: WhatsAppAccount, actor: str = "system") -> Session:
    """As disconnect, and the link is ended at WhatsApp and the credentials are purged."""
    session = locked(account.pk)
    _let_go(session)
    session.change(unlink_pending=True)
    _audit(account, actor, "account.logout")
    carriers.hint_sessions(account.pk)
    return session


@transaction.atomic
def request_restart(*, account: WhatsAppAccount, actor: str = "system") -> Session:
    """A new worker with the same credentials. Connects an account that was at rest."""
    session = locked(account.pk)
    session.change(desired=Desired.CONNECTED, retry_at=None, **fence(session))
    move(session, Signal.RESTART, reason="restart_requested")
    _audit(account, actor, "account.restart")
    carriers.hint_sessions(account.pk)
    return session


@transaction.atomic
def delete_account(*, account: WhatsAppAccount, actor: str = "system") -> None:
    """Disconnect, hide the account, and have its store purged. Its audit trail and events stay."""
    session = locked(account.pk)
    _let_go(session)
    session.change(unlink_pending=True)
    WhatsAppAccount.objects.filter(pk=account.pk, deleted_at=None).update(
        deleted_at=timezone.now(), updated_at=timezone.now()
    )
    StorePurge.objects.get_or_create(account_id=account.pk, workspace_id=account.workspace_id)
    _audit(account, actor, "account.deleted")
    carriers.hint_sessions(account.pk)


def _let_go(session: Session) -> None:
    session.change(desired=Desired.DISCONNECTED, retry_at=None, **fence(session))
    move(session, Signal.DISCONNECT)
    forget_identity(session.account_id)


def forget_identity(account_id: UUID) -> None:
    """Phone, JID and LID belong to a live link only, so disconnected accounts never collide."""
    WhatsAppAccount.objects.filter(pk=account_id).update(
        phone_number=None,
        jid=None,
        lid=None,
        device_jid="",
        disconnected_at=timezone.now(),
        updated_at=timezone.now(),
    )


def request_pairing_code(
    *, account: WhatsAppAccount, phone_number: str, actor: str
) -> dict[str, Any]:
    """{code, expires_at} for the phone with this number. CommandFailed when there is none."""
    made = commands.pair_phone(account=account, phone_number=phone_number)
    _audit(account, actor, "account.pairing_code")
    return made


def _audit(account: WhatsAppAccount, actor: str, action: str) -> None:
    accounts.record(workspace=account.workspace, actor=actor, action=action, target=str(account.pk))
