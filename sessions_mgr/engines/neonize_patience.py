"""How long something waits in whatsmeow's log for a callback: until it will not come any more.

Callbacks come in order. Once enough later ones have come, or all is quiet, what is still missing
was swallowed by the engine, and who waits for it goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

LATER_CALLBACKS = 256  # Go's queue before our callback has 100 places
QUIET_SECONDS = 10.0  # without any callback: nothing is on its way
LOOK_SECONDS = 0.5
REMEMBERED = 4096  # things that WhatsApp never acknowledged; older ones are forgotten


@dataclass(slots=True)
class Awaited:
    """What callbacks are still to bring, and who waits for it. Guarded by the lock of its owner."""

    missing: int = 0  # callbacks, or parts of a message, that did not come yet
    waiting: list[threading.Lock] = field(default_factory=list)

    def gate(self) -> threading.Lock:
        """Something to wait at. Closed until `let_go`."""
        gate = threading.Lock()
        gate.acquire()
        self.waiting.append(gate)
        return gate

    def let_go(self) -> None:
        for gate in self.waiting:
            gate.release()


K = TypeVar("K", bound=Hashable)
A = TypeVar("A", bound=Awaited)


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

    def wait_for(self, key: K, among: dict[K, A], lock: threading.Lock) -> A | None:
        """None once it is there, or was never awaited; what will never come when it will not."""
        with lock:
            awaited = among.get(key)
            if awaited is None:
                return None
            gate = awaited.gate()
        return None if self._opens(gate) else awaited

    def _opens(self, gate: threading.Lock) -> bool:
        """True once the gate is open; False when nobody will open it."""
        begun, callbacks = self.clock(), self._callbacks
        while not gate.acquire(timeout=LOOK_SECONDS):
            if self._callbacks - callbacks > LATER_CALLBACKS:
                return False
            since = self._quiet_since()
            if since is not None and self.clock() - max(since, begun) >= QUIET_SECONDS:
                return False
        return True


def forget_oldest(memory: dict[Any, Any]) -> None:
    while len(memory) > REMEMBERED:
        del memory[next(iter(memory))]
