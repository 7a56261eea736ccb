"""Hints: "workspace W has events up to seq N". Never data, and losing one harms nobody.

This app does not know what carries hints between processes. Whoever can (sessions_mgr, over the
bus) registers as the carrier when Django starts; without one readers are slower: they also poll.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from django.db import transaction

Hear = Callable[[UUID, int], None]


class Carrier(Protocol):
    def send(self, workspace_id: UUID, seq: int) -> None:
        """Tell every process. Must not block and must not raise."""
        ...

    def listen(self, hear: Hear) -> None:
        """Call `hear` for every hint from now on, in any thread. Asked once per process."""
        ...


_carrier: Carrier | None = None
_listening = False
_hearers: list[Hear] = []


def register(carrier: Carrier) -> None:
    global _carrier, _listening
    _carrier, _listening = carrier, False


def after_commit(workspace_id: UUID, seq: int) -> None:
    """Tell the readers once the transaction is visible."""

    def send() -> None:
        if _carrier is not None:
            _carrier.send(workspace_id, seq)

    # robust: the row is committed; a carrier that breaks must not turn that into an error.
    transaction.on_commit(send, robust=True)


def hear(hearer: Hear) -> None:
    """Have `hearer(workspace_id, seq)` called for every hint from anywhere. It must not block."""
    global _listening
    if hearer not in _hearers:
        _hearers.append(hearer)
    if _carrier is not None and not _listening:
        _listening = True
        _carrier.listen(_heard)


def forget(hearer: Hear) -> None:
    if hearer in _hearers:
        _hearers.remove(hearer)


def _heard(workspace_id: UUID, seq: int) -> None:
    for hearer in list(_hearers):
        hearer(workspace_id, seq)
