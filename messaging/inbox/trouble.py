"""What WhatsApp denies us, and what a killed worker took with it."""

from __future__ import annotations

from datetime import datetime

from accounts.models import WhatsAppAccount
from events import types
from events.models import rfc3339
from sessions_mgr.engines import base

from ..moments import moment
from .telling import tell


def restricted(account: WhatsAppAccount, fact: base.Restricted, at: datetime) -> None:
    """Kept with the account, one per kind, until it is over. Told when it is new or changes."""
    row = WhatsAppAccount.objects.select_for_update(of=("self",)).get(pk=account.pk)
    until = rfc3339(moment(fact.until)) if fact.until else None
    for known in row.restrictions:
        over = known.get("until") is not None and known["until"] < rfc3339(at)
        same = until is None or known.get("until") == until
        if known.get("kind") == fact.code and same and not over:
            return
    restriction = {
        "kind": fact.code,
        "code": fact.code,
        "until": until,
        "since": rfc3339(at),
        "detail": fact.detail,
    }
    others = [known for known in row.restrictions if known.get("kind") != fact.code]
    row.restrictions = [*others, restriction]
    row.save(update_fields=["restrictions", "updated_at"])
    tell(account, types.ACCOUNT_RESTRICTED, at, restriction)


def life_cut_short(account: WhatsAppAccount, fact: base.LifeCutShort, at: datetime) -> None:
    tell(
        account,
        types.MESSAGE_GAP,
        at,
        {
            "message_id": None,
            "wa_id": None,
            "chat": None,
            "sender": None,
            "since": rfc3339(moment(fact.last_alive_at)),
            "until": rfc3339(at),
            "detail": "worker_killed",
        },
    )
