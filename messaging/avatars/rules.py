"""When to ask WhatsApp for a picture. Pure: facts and a time in, a step out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

FRESH = timedelta(hours=24)  # a picture that we have seen
FRESH_WITHOUT = timedelta(hours=6)  # "there is none", or it is hidden
FIRST_REST = timedelta(seconds=15)  # after a failure; doubled with each one in a row
LONGEST_REST = timedelta(minutes=30)
FIRST_POISON = timedelta(hours=2)  # after a worker died of it; times four with each one
LONGEST_POISON = timedelta(days=7)
# A worker that crashes this soon after a question without an answer is taken to have died of it;
# a hung one is only noticed after SESSION_HEARTBEAT_TIMEOUT.
SUSPECT = timedelta(seconds=45)


class Step(Enum):
    KEEP = "keep"  # answer with what we have
    LATER = "later"  # answer with what we have, and have it renewed in the background
    ASK = "ask"  # ask now, within the request


@dataclass(frozen=True, slots=True)
class Known:
    """What we know about one picture."""

    found: bool = False  # we have a picture, maybe an old one
    fetched_at: datetime | None = None
    changed_at: datetime | None = None
    failed_at: datetime | None = None
    failures: int = 0
    poisoned_until: datetime | None = None


def next_step(known: Known, now: datetime) -> Step:
    if known.poisoned_until is not None and now < known.poisoned_until:
        return Step.KEEP
    if known.failed_at is not None and now < known.failed_at + rest_after(known.failures):
        return Step.KEEP
    if known.fetched_at is None:
        return Step.ASK
    if known.changed_at is not None and known.changed_at >= known.fetched_at:
        return Step.ASK
    if now - known.fetched_at > (FRESH if known.found else FRESH_WITHOUT):
        return Step.LATER
    return Step.KEEP


def rest_after(failures: int) -> timedelta:
    """How long a picture is left alone after so many failures in a row."""
    doubled: int = 2 ** min(max(failures - 1, 0), 16)
    return min(FIRST_REST * doubled, LONGEST_REST)


def poison_after(crashes: int) -> timedelta:
    """How long nobody asks for a picture of which so many workers have died."""
    longer: int = 4 ** min(max(crashes - 1, 0), 8)
    return min(FIRST_POISON * longer, LONGEST_POISON)
