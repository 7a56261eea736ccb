"""Figures of many numbers at once: today's messages, and the memory of their workers."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count
from django.utils import timezone

from accounts.models import WhatsAppAccount
from messaging.models import Direction, Message
from sessions_mgr import commands
from sessions_mgr.states import ACTIVE

AT_ONCE = 16  # workers asked at the same time
PATIENCE = 1.0  # seconds per worker


@dataclass(slots=True)
class Today:
    inbound: int = 0
    outbound: int = 0


def today(accounts: Iterable[WhatsAppAccount]) -> dict[UUID, Today]:
    """What came and went since midnight UTC, without what history brought."""
    found = {account.pk: Today() for account in accounts}
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = (
        Message.objects.filter(
            account__in=found, timestamp__gte=midnight, history=False, chat_row__isnull=False
        )
        .values_list("account", "direction")
        .annotate(many=Count("pk"))
        .order_by()
    )
    for pk, direction, many in rows:
        if direction == Direction.IN:
            found[pk].inbound = many
        else:
            found[pk].outbound = many
    return found


def memory(accounts: Iterable[WhatsAppAccount]) -> dict[UUID, int | None]:
    """Resident bytes of each worker; None where none runs or answers in time."""
    accounts = list(accounts)
    running = [account for account in accounts if account.session.status in ACTIVE]
    found: dict[UUID, int | None] = {account.pk: None for account in accounts}
    if running:
        with ThreadPoolExecutor(min(AT_ONCE, len(running))) as pool:
            sizes = pool.map(_rss, running)
            found |= dict(zip([account.pk for account in running], sizes, strict=True))
    return found


def _rss(account: WhatsAppAccount) -> int | None:
    """Asks over the bus only: no database in this thread."""
    try:
        return commands.ask(account, "health", {}, PATIENCE).get("rss_bytes")
    except commands.CommandFailed:
        return None
