"""Why a worker process ended, as its exit code. Pure: shared by worker, supervisor and docs."""

from __future__ import annotations

import signal
from enum import IntEnum


class Exit(IntEnum):
    """Codes a worker chooses itself. Anything else is a crash."""

    STOPPED = 0  # on order, or drained and recycled
    PAIRING_EXPIRED = 10
    LOGGED_OUT = 11
    BANNED = 12
    CLIENT_OUTDATED = 13
    REPLACED = 14
    PASSKEY_REQUIRED = 15
    STORE_CORRUPT = 16
    STORE_LOCKED = 17  # another process holds the store: never run a second one
    CONNECT_REFUSED = 18
    UNLINKED = 19
    PAIRING_REFUSED = 20
    LINE_UNREACHABLE = 21  # no dial works, or none for long; worth trying again after a rest
    CONFIG_INVALID = 22
    INTERNAL = 23  # an exception in our own code
    SUPERVISOR_GONE = 24


# Codes after which starting again by itself would only repeat the failure.
FINAL = frozenset(
    {
        Exit.PAIRING_EXPIRED,
        Exit.LOGGED_OUT,
        Exit.BANNED,
        Exit.CLIENT_OUTDATED,
        Exit.REPLACED,
        Exit.PASSKEY_REQUIRED,
        Exit.STORE_CORRUPT,
        Exit.CONNECT_REFUSED,
        Exit.UNLINKED,
        Exit.PAIRING_REFUSED,
        Exit.CONFIG_INVALID,
    }
)


def describe(status: int | None) -> str:
    """A short name for a wait status as subprocess reports it: code >= 0, or minus the signal."""
    if status is None:
        return "unknown"
    if status < 0:
        try:
            return signal.Signals(-status).name
        except ValueError:
            return f"signal {-status}"
    try:
        return Exit(status).name.lower()
    except ValueError:
        return f"code {status}"
