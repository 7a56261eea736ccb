"""What the life of a workspace means for its numbers: stopped, brought back, ended for good."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import WhatsAppAccount, Workspace
from accounts.purging import Bit
from accounts.tenant_models import WorkspacePurge

from . import services
from .models import Session, StorePurge, StoreSnapshot
from .snapshots import vault
from .snapshots.errors import StorageFailed
from .states import Desired

AT_ONCE = 50  # numbers or snapshots per bit
PATIENCE = timedelta(hours=1)  # for nodes to end links and remove folders


class Numbers:
    def suspended(self, workspace: Workspace, actor: str) -> list[str]:
        """Disconnect what is wanted. The credentials stay, so resuming needs no new code."""
        wanted = list(
            Session.objects.filter(
                account__workspace=workspace, account__deleted_at=None, desired=Desired.CONNECTED
            ).select_related("account")
        )
        for session in wanted:
            services.request_disconnect(account=session.account, actor=actor)
        return [str(session.pk) for session in wanted]

    def resumed(self, workspace: Workspace, actor: str, numbers: list[str]) -> None:
        mine = WhatsAppAccount.objects.present().filter(workspace=workspace)
        for account in mine.filter(pk__in=[UUID(n) for n in numbers]):
            services.request_connect(account=account, actor=actor)


def end_numbers(purge: WorkspacePurge, at: datetime) -> Bit:
    """Every number is deleted as a person would; then the nodes end the links and the folders.

    A node that does not come back within PATIENCE is not waited for: `stores purge` removes what
    it has when it does.
    """
    present = WhatsAppAccount.objects.present().filter(workspace_id=purge.workspace_id)
    accounts = list(present.select_related("workspace", "session")[:AT_ONCE])
    for account in accounts:
        services.delete_account(account=account, actor="system")
    if accounts:
        return Bit(len(accounts), "nodes")
    waiting = StorePurge.objects.filter(workspace_id=purge.workspace_id).count()
    if waiting and at - purge.requested_at < PATIENCE:
        return Bit(0, f"nodes: {waiting} numbers to be unlinked and their stores removed")
    return Bit()


def end_snapshots(purge: WorkspacePurge, at: datetime) -> Bit:
    """Sealed copies of credentials, in their storage and as rows."""
    mine = StoreSnapshot.objects.filter(account__workspace_id=purge.workspace_id)
    rows = list(mine[:AT_ONCE])
    for row in rows:
        try:
            vault.forget(snapshot=row)
        except StorageFailed as exc:
            return Bit(0, str(exc)[:200])
    return Bit(len(rows))
