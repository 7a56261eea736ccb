"""The rules of an account's pacing, changed by a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import WhatsAppAccount
from accounts.services import record

from ..models import Outgoing, Pacing
from . import wakeups


@transaction.atomic
def change(*, account: WhatsAppAccount, actor: str, at: datetime, **rules: Any) -> Pacing:
    """Set the given rules. What waits only because of the old ones is looked at anew."""
    row, _ = Pacing.objects.select_for_update().get_or_create(account=account)
    changed = {name: value for name, value in rules.items() if getattr(row, name) != value}
    if not changed:
        return row
    for name, value in {**changed, "updated_at": at}.items():
        setattr(row, name, value)
    row.save(update_fields=[*changed, "updated_at"])
    Outgoing.objects.waiting().filter(
        account=account, started_at=None, trouble__isnull=True, not_before__gt=at
    ).update(not_before=at)
    record(
        workspace=account.workspace,
        actor=actor,
        action="account.pacing",
        target=str(account.pk),
        **changed,
    )
    wakeups.announce(account.pk)
    return row
