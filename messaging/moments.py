"""Times as strangers write them."""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def moment(seconds: float) -> datetime:
    """A fact's Unix time. The sender chose it, so a senseless one becomes the nearest possible."""
    try:
        return min(max(datetime.fromtimestamp(seconds, UTC), EARLIEST), LATEST)
    except (ValueError, OverflowError, OSError):
        return EARLIEST if seconds < 0 else LATEST
