"""Dispatchers look at once when something is queued. A hint: they look by themselves as well."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import transaction

from sessions_mgr.bus import carriers
from sessions_mgr.bus.client import BusUnavailable

SUBJECT = "hint.outbox"


def announce(account_id: UUID) -> None:
    """Tell the dispatchers once the row is visible."""
    transaction.on_commit(lambda: _publish(account_id), robust=True)


def hear(wake: Callable[[], None]) -> bool:
    """Have `wake` called, in any thread, for every announcement. False without a bus."""
    try:
        carriers.current().subscribe(SUBJECT, lambda _subject, _data: wake())
    except BusUnavailable:
        return False
    return True


def _publish(account_id: UUID) -> None:
    try:
        carriers.current().publish(SUBJECT, {"account_id": str(account_id)})
    except BusUnavailable:
        return  # dispatchers poll
