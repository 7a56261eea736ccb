"""Stands between neonize and the engine, so that a kill at any moment loses no message.

Two halves, each useless alone. `neonize_receipts` holds a receipt back until the message is stored:
what a killed process had in hand is delivered again. `neonize_undo` takes back what whatsmeow's
store says about such messages: what is delivered again can be read again. `neonize_acks` does the
first for the receipts of others. This module wires them to the callbacks, to the log and to the
store; docs/adr/0009 has the reasons.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import base, neonize_undo
from .neonize_acks import Acks
from .neonize_client import Listener
from .neonize_events import lost_message
from .neonize_library import LogSink
from .neonize_parties import party_from_text
from .neonize_patience import Patience
from .neonize_receipts import Dropped, Receipts

logger = logging.getLogger(__name__)

PROJECT = Path(__file__).resolve().parents[2]
WATCH_SECONDS = 30.0  # what telling a store to watch itself may take


class Guard:
    """A Listener around the engine's. `tell` makes a fact durable.

    `recovered`: nothing that a killed life before this one had in hand can be missing.
    """

    def __init__(
        self,
        config: base.EngineConfig,
        *,
        listener: Listener,
        log: LogSink,
        tell: Callable[[base.EngineEvent], None],
    ) -> None:
        self._listener = listener
        self._log = log
        self._tell = tell
        self._running = False
        self._ended = time.monotonic()
        self._store: Path | None = None
        self._watched = True
        self.recovered = False
        on_settled: Callable[[float], None] = _forget
        if not config.store_path.startswith("postgres"):
            self._store = Path(config.store_path)
            outcome = neonize_undo.prepare(self._store)
            self.recovered, self._watched = outcome.complete, outcome.watched
            if outcome.records:
                logger.info("%d records were wound back to be read again", outcome.records)
            on_settled = neonize_undo.Settled(self._store)
        self.patience = Patience(lambda: None if self._running else self._ended)
        self.acks = Acks(self.patience)
        self.receipts = Receipts(
            self.patience,
            on_dropped=self._on_dropped,
            on_settled=on_settled,
        )

    # What neonize calls ---------------------------------------------------------------------

    def on_qr(self, code: str) -> None:
        self._listener.on_qr(code)

    def on_login_status(self, status: str) -> None:
        self._listener.on_login_status(status)

    def on_event(self, name: str, data: bytes, read: Callable[[], Any]) -> None:
        """Returns when the event is stored; never, when it cannot be."""
        seen: list[Any] = []

        def read_once() -> Any:
            if not seen:
                seen.append(read())
            return seen[0]

        self._running = True
        self._listener.on_event(name, data, read_once)
        self._ended, self._running = time.monotonic(), False
        self.patience.called_back()
        if name == "Message":
            self.receipts.stored(read_once().Info.ID)
        elif name == "UndecryptableMessage":
            self.receipts.unreadable(read_once().Info.ID)
        elif name == "Receipt":
            self._receipt_stored(read_once())
        elif name == "Connected" and not self._watched:
            self._watched = True
            threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def on_log(self, source: str, level: str, line: str) -> None:
        """A line of whatsmeow's log that is worth a look."""
        self._log(source, level, line)
        if lost := lost_message(line):
            # What came again on a new line may lie before our callback in its first copy.
            if not self.receipts.awaits_another(lost.wa_id):
                self._tell(lost)
            self.receipts.ignored(lost.wa_id)

    def on_stanza(self, outgoing: bool, line: bytes) -> None:
        """A stanza came, or is about to go when this returns."""
        if outgoing:
            self.receipts.sending(line)
            self.acks.sending(line)
        else:
            self.receipts.received(line)
            self.acks.received(line)

    # Inside ---------------------------------------------------------------------------------

    def _receipt_stored(self, event: Any) -> None:
        if event.MessageIDs and event.HasField("Type"):
            kinds = event.DESCRIPTOR.enum_types_by_name["ReceiptType"].values_by_number
            self.acks.stored(event.MessageIDs[0], kinds[event.Type].name)

    def _on_dropped(self, dropped: Dropped) -> None:
        self._tell(
            base.Undecryptable(
                wa_id=dropped.wa_id,
                chat=party_from_text(dropped.chat),
                sender=party_from_text(dropped.sender),
                timestamp=time.time(),
                detail=base.SEEN_BEFORE,
            )
        )

    def _watch(self) -> None:
        """A store that Go has just made watches itself from now on."""
        command = [sys.executable, "-m", neonize_undo.__name__, str(self._store)]
        try:
            subprocess.run(
                command,
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=WATCH_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            logger.exception("the store does not watch itself; the next start tries again")


def _forget(_: float) -> None:
    """A store in PostgreSQL is not wound back."""
