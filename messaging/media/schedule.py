"""When a file is tried again, and when it is given up. Pure."""

from __future__ import annotations

import random
from datetime import timedelta

LEASE = timedelta(minutes=10)  # a fetch ends well within it
DEADLINE = 300.0  # seconds for one file, from the first question to the last byte
BEGIN_TIMEOUT = 120.0  # seconds that a worker may take to fetch and decrypt
CHUNK_TIMEOUT = 15.0  # seconds
RENEW_TIMEOUT = 60.0  # seconds that a phone may take to bring a new copy
CHUNK = 393_216  # bytes per question; as base64 they fit into one message of the bus

FIRST_PAUSE = 5.0  # seconds
LONGEST_PAUSE = 3600.0  # seconds
MOST_ATTEMPTS = 12  # about three hours
MOST_RENEWALS = 2  # times that the phone is asked for a new copy
NO_LINE_PAUSE = timedelta(seconds=20)

# The worker or the bus is away: no fault of the file, and no attempt.
TRANSPORT = frozenset(
    {"not_connected", "not_running", "bus_unavailable", "busy", "no_such_download"}
)
# Another try would end in the same way.
QUOTA = "quota_exceeded"
FINAL = frozenset({"media_too_large", "invalid_locator", "invalid_request", QUOTA})
GONE = "media_gone"


def pause(attempts: int) -> timedelta:
    """After so many attempts: 5 s, 10 s, 20 s … 1 h, each up to a fifth longer."""
    seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** max(0, attempts - 1))
    return timedelta(seconds=seconds * random.uniform(1.0, 1.2))  # noqa: S311  no secret
