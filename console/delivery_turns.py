"""When a delivery that waits has its turn: a time only where a time decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from webhooks.models import Delivery, Endpoint, Health, Status


@dataclass(frozen=True, slots=True)
class Turn:
    """Either words or the time of the next attempt; neither for what has ended."""

    words: str = ""
    at: datetime | None = None


def turn_of(delivery: Delivery, endpoint: Endpoint, now: datetime) -> Turn:
    """What waits behind a failed delivery is due long ago, and so is what waits for a probe."""
    if delivery.status != Status.PENDING:
        return Turn()
    if endpoint.status == Health.DISABLED:
        return Turn(_("when the webhook is enabled"))
    if endpoint.status == Health.PAUSED:
        return Turn(_("as soon as it answers"))
    at = max(delivery.due_at, endpoint.resume_at or delivery.due_at)
    if delivery.claim or at <= now:
        return Turn(_("in its turn"))
    return Turn(at=at)
