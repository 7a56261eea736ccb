"""How far a message has come, and what may follow what. Pure but for Django's choices.

A receipt only moves a message forward: they arrive in any order and more than once. `failed`,
`unknown` and `cancelled` are no ends for receipts: a phone that has the message knows better.
"""

from __future__ import annotations

from django.db import models


class Status(models.TextChoices):
    """Where a message is on its way."""

    RECEIVED = "received"  # somebody's, and we have it
    QUEUED = "queued"  # ours, waiting for its turn
    SENDING = "sending"  # ours, in the hands of a worker
    SENT = "sent"  # WhatsApp has it
    DELIVERED = "delivered"  # a phone has it
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"  # it was not sent: `error`
    UNKNOWN = "unknown"  # nobody can say whether it was sent
    CANCELLED = "cancelled"  # taken back while it was queued


STEPS = (Status.SENT, Status.DELIVERED, Status.READ, Status.PLAYED)
_NOT_YET = frozenset(set(Status.values) - set(STEPS))

# What a message must be for a receipt to move it.
BEFORE: dict[str, frozenset[str]] = {
    step: _NOT_YET | frozenset(STEPS[:place]) for place, step in enumerate(STEPS)
}


def is_further(new: str, old: str) -> bool:
    return old in BEFORE.get(new, ())
