"""WhatsApp forgets that a message of ours was delivered or read only after we have it.

whatsmeow acknowledges a receipt of others as soon as it has read it, on a goroutine of its own and
before our callback has it. Its ack goes through the log as everything does that is sent, and there
it waits until the receipt is in the spool. What a killed process had in hand is told again: a
receipt is not encrypted, so nothing has to be wound back, and told twice it changes nothing.

Without this a message could stay `sent` for ever. docs/adr/0009 has the reasons.
"""

from __future__ import annotations

import logging
import re
import threading

from .neonize_patience import Awaited, Patience, forget_oldest
from .neonize_stanzas import id_of, type_of

logger = logging.getLogger(__name__)

# What we report, as the wire calls it and as neonize does. Of all others nothing is lost with them.
KINDS = {b"": "DELIVERED", b"inactive": "INACTIVE", b"read": "READ", b"played": "PLAYED"}

_KEY = re.compile(rb'^[^>]* key="([^"]*)"')

Key = tuple[str, str]  # the first message of a receipt, the kind in neonize's words


class Acks:
    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._open: dict[Key, Awaited] = {}
        # Of which messages a stanza speaks; in groups of many, under an id of its own.
        self._stanzas: dict[tuple[bytes, bytes], set[Key]] = {}

    # What the log says ----------------------------------------------------------------------

    def received(self, line: bytes) -> None:
        """A stanza came from WhatsApp."""
        if not line.startswith(b"<receipt ") or (kind := type_of(line)) not in KINDS:
            return
        with self._lock:
            messages = self._stanzas.setdefault((id_of(line), kind), set())
            for wa_id, callbacks in _messages(line):
                key = (wa_id.decode(errors="replace"), KINDS[kind])
                self._open.setdefault(key, Awaited()).missing += callbacks
                messages.add(key)
            forget_oldest(self._stanzas)
            forget_oldest(self._open)

    def sending(self, line: bytes) -> None:
        """A stanza is about to be sent. Returns when it may go."""
        if not line.startswith(b"<ack ") or b' class="receipt"' not in line:
            return
        with self._lock:
            messages = self._stanzas.pop((id_of(line), type_of(line)), set())
        for key in messages:
            if self._patience.wait_for(key, self._open, self._lock) is not None:
                with self._lock:
                    self._open.pop(key, None)
                logger.warning("a receipt of message %s never came out of the engine", key[0])

    # What the callbacks say -----------------------------------------------------------------

    def stored(self, wa_id: str, kind: str) -> None:
        """One receipt whose first message is this one is in the spool."""
        with self._lock:
            found = self._open.get((wa_id, kind))
            if found is None:
                return
            found.missing -= 1
            if found.missing > 0:
                return
            del self._open[wa_id, kind]
        found.let_go()


def _messages(line: bytes) -> list[tuple[bytes, int]]:
    """The first message of each callback that this stanza becomes, and how many there are."""
    groups = line.split(b"<participants ")[1:]
    if not groups:
        return [(id_of(line), 1)]
    found = [(_KEY.search(b" " + part), part.count(b"<user ")) for part in groups]
    return [(key[1], users) for key, users in found if key and users]
