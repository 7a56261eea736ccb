"""What a process can say about its own size. Cheap enough for every heartbeat."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from pathlib import Path


def vitals() -> dict[str, int]:
    """rss_bytes, threads and fds of this process."""
    if sys.platform.startswith("linux"):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        rss = pages * resource.getpagesize()
        threads = _entries("/proc/self/task")
    else:  # the peak, in bytes on macOS
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        threads = threading.active_count()
    return {"rss_bytes": rss, "threads": threads, "fds": _entries("/dev/fd")}


def _entries(folder: str) -> int:
    with os.scandir(folder) as entries:
        return sum(1 for _ in entries)


class Trail:
    """How large the process was over its whole life, in few points.

    When there are too many, every other one is dropped and they are taken half as often, so that a
    life of months costs no more than one of an hour.
    """

    MOST = 240
    FIRST_STEP = 5.0  # seconds between two points, at first

    def __init__(self) -> None:
        self._points: list[tuple[float, int]] = []
        self._step = self.FIRST_STEP
        self._lock = threading.Lock()

    def note(self, rss_bytes: int, now: float) -> None:
        with self._lock:
            if self._points and now - self._points[-1][0] < self._step:
                return
            self._points.append((now, rss_bytes))
            if len(self._points) > self.MOST:
                self._points = self._points[::2]
                self._step *= 2

    def ages(self, now: float) -> list[list[int]]:
        """[seconds ago, bytes], oldest first."""
        with self._lock:
            return [[round(now - at), size] for at, size in self._points]


_life = Trail()


def note(figures: dict[str, int]) -> dict[str, int]:
    """Remember the size in these vitals; returns them."""
    _life.note(figures["rss_bytes"], time.monotonic())
    return figures


def history() -> list[list[int]]:
    """What was noted in this process: [seconds ago, bytes], oldest first."""
    return _life.ages(time.monotonic())
