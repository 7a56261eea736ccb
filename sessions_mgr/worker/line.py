"""How long a line may stay down before its life ends.

whatsmeow dials again by itself, each time two seconds later than before, without a limit and
without chance in it. So a life whose line stays down ends in order, and the supervisor's pauses
apply: bounded, with jitter, and visible.
"""

from __future__ import annotations

LINE_SECONDS = 60.0
LOOK_SECONDS = 2.0


class LineWatch:
    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit
        self._alive_at = now

    def is_lost(self, alive: bool, now: float) -> bool:
        """Whether the line is down, and has been for the whole limit."""
        if alive:
            self._alive_at = now
        return now - self._alive_at >= self._limit
