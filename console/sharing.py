"""One answer for all who ask the same within some seconds: pages that many tabs look at."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """`make(key)` is called by the first who asks; others wait for that answer and get it until it
    is `seconds` old. One that raises is nobody's answer. Of this process alone."""

    def __init__(
        self,
        make: Callable[[Hashable], T],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make, self._seconds, self._clock = make, seconds, clock
        self._answers: dict[Hashable, tuple[float, T]] = {}
        self._turn = threading.Lock()

    def get(self, key: Hashable) -> T:
        with self._turn:
            known = self._answers.get(key)
            if known is not None and self._clock() - known[0] < self._seconds:
                return known[1]
            made = self._make(key)
            self._answers[key] = (self._clock(), made)
            return made

    def forget(self) -> None:
        """What is asked from now on is made anew. Waits for an answer that is being made."""
        with self._turn:
            self._answers.clear()
