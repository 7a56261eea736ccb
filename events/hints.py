"""Hints: "workspace W has events up to seq N". Never data, and losing one harms nobody.

This app does not know who carries hints. Whoever can (sessions_mgr, over the bus) registers itself
when Django starts; a process without a carrier simply has slower readers, as they also poll.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from django.db import transaction

logger = logging.getLogger(__name__)

Carrier = Callable[[UUID, int], None]
_carriers: list[Carrier] = []


def register(carrier: Carrier) -> None:
    if carrier not in _carriers:
        _carriers.append(carrier)


def after_commit(workspace_id: UUID, seq: int) -> None:
    """Tell the readers once the transaction is visible."""

    def send() -> None:
        for carrier in _carriers:
            carrier(workspace_id, seq)

    # robust: the row is committed; a carrier that breaks must not turn that into an error.
    transaction.on_commit(send, robust=True)
