"""This process's one bus connection, made on first use, and the hints that go over it."""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
from uuid import UUID

from django.db import transaction

from events.hints import Hear

from . import address, streams
from .client import Bus, BusUnavailable

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_bus: Bus | None = None
_made_for: tuple[int, str] | None = None


def current() -> Bus:
    """The bus of this process. BusUnavailable while our own server has never been started."""
    global _bus, _made_for
    found = address.find()
    if found is None:
        raise BusUnavailable("the bus has not been started yet")
    with _lock:
        wanted = (os.getpid(), found.url)
        if _bus is None or _made_for != wanted:
            if _bus is not None and _made_for and _made_for[0] == wanted[0]:
                _bus.stop()
            _bus, _made_for = Bus(found.url, found.token).start(), wanted
            atexit.register(_bus.stop)
        return _bus


def close() -> None:
    """End the connection; the next use makes a new one."""
    global _bus, _made_for
    with _lock:
        if _bus is not None:
            _bus.stop()
        _bus, _made_for = None, None


class EventHints:
    """Carries the event log's hints: see events/hints.py. Loss is harmless."""

    def send(self, workspace_id: UUID, seq: int) -> None:
        _publish(
            streams.hint_subject(workspace_id), {"workspace_id": str(workspace_id), "seq": seq}
        )

    def listen(self, hear: Hear) -> None:
        def receive(_subject: str, data: bytes) -> None:
            hint = json.loads(data)
            hear(UUID(hint["workspace_id"]), int(hint["seq"]))

        try:
            current().subscribe(streams.hint_subject("*"), receive)
        except BusUnavailable:
            logger.warning("no bus: readers only poll")


def hint_sessions(account_id: UUID) -> None:
    """Tell the nodes, after commit, to look at this session now and not at their next poll."""
    transaction.on_commit(
        lambda: _publish(streams.HINT_SESSIONS, {"account_id": str(account_id)}), robust=True
    )


def _publish(subject: str, payload: dict[str, object]) -> None:
    try:
        current().publish(subject, payload)
    except BusUnavailable:
        logger.debug("no bus for a hint on %s", subject)
