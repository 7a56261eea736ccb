"""When to try again, and when to give up. Pure: facts in, times out.

5 s, 15 s, 45 s, 2 min … 6 h, each off by up to a fifth at random, until about 3 days have passed.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

FIRST = 5.0  # seconds
FACTOR = 3.0
LONGEST = 6 * 3600.0  # seconds
JITTER = 0.2
GIVE_UP = timedelta(hours=76)  # after the event, or after the last replay of it
LEASE = timedelta(seconds=30)  # a claimed delivery belongs to its worker for so long

# The circuit: no more than one attempt at a time towards an endpoint that only fails.
OPEN_AFTER = 20  # failures in a row
OPEN_EARLY_AFTER = 5  # failures in a row …
OPEN_EARLY_AGE = timedelta(minutes=10)  # … when the first of them is so old
FIRST_PROBE = 10.0  # seconds
LONGEST_PROBE = 300.0  # seconds

_random = random.SystemRandom()


def jittered(seconds: float) -> timedelta:
    return timedelta(seconds=seconds * _random.uniform(1 - JITTER, 1 + JITTER))


def backoff(tries: int) -> timedelta:
    """The pause after the `tries`-th failure, from 1."""
    return jittered(min(LONGEST, FIRST * FACTOR ** min(tries - 1, 20)))


def probe_pause(failures: int) -> timedelta:
    """The pause between two probes of an open circuit."""
    beyond = max(0, failures - OPEN_AFTER)
    return jittered(min(LONGEST_PROBE, FIRST_PROBE * 2.0 ** min(beyond, 10)))


def opens(failures: int, failing_since: datetime | None, at: datetime) -> bool:
    if failures >= OPEN_AFTER:
        return True
    old = failing_since is not None and at - failing_since >= OPEN_EARLY_AGE
    return failures >= OPEN_EARLY_AFTER and old


def retry_after(value: str, at: datetime) -> datetime | None:
    """A Retry-After header as a time from 1 s to 6 h ahead; None when it says nothing readable."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            when = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
        seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - at.timestamp()
    return at + timedelta(seconds=min(max(seconds, 1.0), LONGEST))
