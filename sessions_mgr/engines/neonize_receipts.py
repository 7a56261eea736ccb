"""WhatsApp hears "got it" only after we have it.

whatsmeow confirms a message as soon as it has decrypted it, long before our callback stored it. But
it writes each stanza to its debug log before it sends it, and waits until the log has taken the
line. So we read that log (nothing of it is kept) and let the line of a receipt wait there until
the message is in the spool. Receipts go out on goroutines of their own: one that waits holds up
nothing else, and at most about a hundred wait, because whatsmeow itself stops decrypting when so
many messages lie before our callback.

A message that never reaches our callback must not hold its receipt for ever (neonize_patience): it
is told as lost, by its id, and the receipt goes.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .neonize_patience import QUIET_SECONDS, Awaited, Patience, forget_oldest
from .neonize_stanzas import id_of, type_of

logger = logging.getLogger(__name__)

BLIND_AFTER = 300  # messages stored since we last saw a receipt: the log has changed its form
ACK_DELAY_SECONDS = 0.02  # from the line of a retry receipt until it is surely on its way

_TIME = re.compile(rb' t="\d+"')
_WHO = re.compile(rb' (to|participant)="([^"]*)"')
_CONFIRMS = frozenset({b"", b"inactive", b"sender", b"peer_msg"})  # types that mean "I have it"


@dataclass(slots=True)
class _Message(Awaited):
    """A message between its arrival and its place in the spool. `missing` counts ciphertexts."""

    reported: bool = False  # at least one reached our callback


@dataclass(frozen=True, slots=True)
class Dropped:
    """A message that whatsmeow decrypted and that never came to us."""

    wa_id: str
    chat: str
    sender: str


class Receipts:
    """`on_settled` gets the Unix time until which everything is stored and confirmed."""

    def __init__(
        self,
        patience: Patience,
        *,
        on_dropped: Callable[[Dropped], None],
        on_settled: Callable[[float], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._patience = patience
        self._on_dropped = on_dropped
        self._on_settled = on_settled
        self._now = now
        self._lock = threading.Lock()
        self._open: dict[bytes, _Message] = {}
        self._unsettled: dict[bytes, float] = {}  # when it arrived, oldest first
        self._unreadable: dict[bytes, None] = {}  # on record, not acknowledged yet
        self._retried: dict[bytes, None] = {}  # asked for again
        self._unseen = 0
        self.blind = False

    # What the log says ----------------------------------------------------------------------

    def received(self, line: bytes) -> None:
        """A stanza came from WhatsApp."""
        if line.startswith(b"<message "):
            self._arrived(line)
        elif b' class="receipt"' in line and type_of(line) in _CONFIRMS:
            self._settle(id_of(line))

    def sending(self, line: bytes) -> None:
        """A stanza is about to be sent. Returns when it may go."""
        if line.startswith(b"<receipt "):
            kind = type_of(line)
            if kind in _CONFIRMS:
                self._unseen = 0
                self._hold(id_of(line), line)
            elif kind == b"retry":
                with self._lock:
                    self._retried[id_of(line)] = None
                    forget_oldest(self._retried)
        elif b' class="message"' in line:
            self._hold_ack(id_of(line), line)

    def awaits_another(self, wa_id: str) -> bool:
        """Whether more than one part of this message, or copy, has not been dealt with."""
        with self._lock:
            message = self._open.get(wa_id.encode())
            return message is not None and message.missing > 1

    def ignored(self, wa_id: str) -> None:
        """whatsmeow drops one part of a message: it has seen it before."""
        self._dealt_with(wa_id.encode(), reported=False)

    # What the callbacks say -----------------------------------------------------------------

    def stored(self, wa_id: str) -> None:
        """A part of this message is in the spool, or there is nothing in it for us."""
        self._dealt_with(wa_id.encode(), reported=True)
        self._unseen += 1
        if self._unseen > BLIND_AFTER and not self.blind:
            self.blind = True
            logger.critical("receipts are not seen any more: a kill may lose messages, untold")

    def unreadable(self, wa_id: str) -> None:
        """It is on record that this message could not be read; the rest of it is not tried."""
        with self._lock:
            message = self._open.pop(wa_id.encode(), None)
            if message is not None:
                self._unreadable[wa_id.encode()] = None
                forget_oldest(self._unreadable)
        if message is not None:
            message.let_go()

    # Inside ---------------------------------------------------------------------------------

    def _arrived(self, line: bytes) -> None:
        # Names that people chose stand before the time, so nothing in them is taken for a part.
        start = max((found.end() for found in _TIME.finditer(line)), default=0)
        parts = line.count(b"<enc ", start)
        if not parts:
            return
        wa_id = id_of(line)
        with self._lock:
            self._unsettled.setdefault(wa_id, self._now())
            forget_oldest(self._unsettled)
            message = self._open.setdefault(wa_id, _Message())
            message.missing += parts
            message.reported = False

    def _dealt_with(self, wa_id: bytes, *, reported: bool) -> None:
        with self._lock:
            message = self._open.get(wa_id)
            if message is None:
                return
            message.missing -= 1
            message.reported |= reported
            if message.missing > 0:
                return
            del self._open[wa_id]
        message.let_go()

    def _settle(self, wa_id: bytes) -> None:
        with self._lock:
            self._unsettled.pop(wa_id, None)
            if not self.blind:
                self._on_settled(next(iter(self._unsettled.values()), self._now()))

    def _hold(self, wa_id: bytes, line: bytes) -> None:
        message = self._patience.wait_for(wa_id, self._open, self._lock)
        if message is None:
            return
        with self._lock:
            self._open.pop(wa_id, None)
        if message.reported:
            return  # we counted a part that was none
        logger.error("message %s never came out of the engine", wa_id.decode(errors="replace"))
        who = {key: value.decode(errors="replace") for key, value in _WHO.findall(line)}
        chat = who.get(b"to", "")
        self._on_dropped(
            Dropped(wa_id.decode(errors="replace"), chat, who.get(b"participant", chat))
        )

    def _hold_ack(self, wa_id: bytes, line: bytes) -> None:
        """WhatsApp forgets an unreadable message at its ack: first on record, first asked again."""
        self._patience.wait_for(wa_id, self._open, self._lock)
        begun = self._patience.clock()
        asks_again = wa_id in self._unreadable and b" error=" not in line
        while asks_again and self._patience.clock() - begun < QUIET_SECONDS:
            asks_again = wa_id not in self._retried
            time.sleep(ACK_DELAY_SECONDS)
        with self._lock:
            self._open.pop(wa_id, None)
            self._unreadable.pop(wa_id, None)
            self._retried.pop(wa_id, None)
        self._settle(wa_id)
