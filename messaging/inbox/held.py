"""Facts whose message we do not have yet, and what they do once it is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.models import WhatsAppAccount
from events import services as event_log
from sessions_mgr.engines import base

from ..models import HeldFact, Message

Apply = Callable[[WhatsAppAccount, Message, Any], bool]

_appliers: dict[type[base.EngineEvent], Apply] = {}


def applies(kind: type[base.EngineEvent]) -> Callable[[Apply], Apply]:
    """This function changes a message's row by such a fact; False when it changed nothing."""

    def register(apply: Apply) -> Apply:
        _appliers[kind] = apply
        return apply

    return register


def await_senders(account: WhatsAppAccount) -> None:
    """Call it before `hold`, and look for the message once more after it.

    At this moment another transaction may write the wa_id of a message of ours, and look whether
    anything is held for it. It has told of the message first, so when the log is ours it has either
    committed or will see what we hold.
    """
    event_log.take_turn(account.workspace_id)


def hold(account: WhatsAppAccount, target_wa_id: str, key: str, fact: base.EngineEvent) -> bool:
    """Keep the fact for its message. False when it is kept already: it has been told, too."""
    _row, created = HeldFact.objects.get_or_create(
        account=account,
        target_wa_id=target_wa_id[:120],
        key=key[:200],
        defaults={"fact": fact.to_wire()},
    )
    return created


def release(
    account: WhatsAppAccount,
    message: Message,
    again: Callable[[base.EngineEvent], None] | None = None,
) -> bool:
    """The message has its row and its wa_id: let what was held for it change it. Tells nothing,
    as it was told when it came; `again` is called with what counted, by whom tells it once more.
    True when the row may differ from `message` now."""
    rows = list(
        HeldFact.objects.filter(account=account, target_wa_id=message.wa_id).order_by("at", "id")
    )
    for row in rows:
        fact = base.from_wire(row.fact)
        news = _appliers[type(fact)](account, message, fact)
        if news and again is not None:
            again(fact)
    if rows:
        HeldFact.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return bool(rows)
