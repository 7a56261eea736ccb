"""How long something waits in whatsmeow's log for a callback: until it will not come any more.

Callbacks come in order. Once enough later ones have come, or all is quiet, what is still missing
was swallowed by the engine, and who waits for it goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LATER_CALLBACKS = 256  # Go's queue before our callback has 100 places
QUIET_SECONDS = 10.0  # without any callback: nothing is on its way
LOOK_SECONDS = 0.5


class Patience:
    """`quiet_since` says when the last callback ended (`clock`), None while one runs."""

    def __init__(
        self,
        quiet_since: Callable[[], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quiet_since = quiet_since
        self.clock = clock
        self._callbacks = 0

    def called_back(self) -> None:
        self._callbacks += 1

    def wait(self, gate: threading.Lock) -> bool:
        """True once the gate is open; False when nobody will open it."""
        begun, callbacks = self.clock(), self._callbacks
        while not gate.acquire(timeout=LOOK_SECONDS):
            if self._callbacks - callbacks > LATER_CALLBACKS:
                return False
            since = self._quiet_since()
            if since is not None and self.clock() - max(since, begun) >= QUIET_SECONDS:
                return False
        return True


def closed_gate() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate
