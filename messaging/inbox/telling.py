"""Append to the event log what was stored, in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.models import WhatsAppAccount
from events import services as event_log


def tell(account: WhatsAppAccount, kind: str, at: datetime, data: dict[str, Any]) -> None:
    event_log.append(
        workspace_id=account.workspace_id,
        account_id=account.pk,
        type=kind,
        data=data,
        occurred_at=at,
    )
