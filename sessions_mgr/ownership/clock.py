"""The clock of leases: monotonic, the same for all processes, running while a machine sleeps."""

from __future__ import annotations

import time


def now() -> float:
    """Seconds. Where the system has no such clock, the plain monotonic one."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
