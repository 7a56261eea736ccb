"""Messages by words in them, the newest first, for as long as a page may take.

No index serves this. SQLite has none for parts of words, and PostgreSQL may use none of its own
under row-level security (config/policies.py): neither LIKE nor full text is leakproof, so that it
looks at whose a row is first. So messages are read by their time, in spans that grow as long as
they are quick, until enough are found, there are no more, or the time is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from messaging.models import Message
from messaging.models.messages import MessageQuerySet

PATIENCE = 1.0  # seconds; the span that is being read then is the last
FIRST_SPAN = timedelta(days=1)
STEP = 0.2  # seconds that reading a span should take
GROWTH = 4  # times that a span may be longer than the one before
BEGINNING = datetime(2009, 1, 1, tzinfo=UTC)  # of WhatsApp; what claims to be older comes last


@dataclass(slots=True)
class Sight:
    """`reached`: older messages were not looked at; None when there was time for all."""

    messages: list[Message] = field(default_factory=list)
    reached: datetime | None = None


def look_back(
    rows: MessageQuerySet,
    *,
    enough: int,
    since: datetime | None = None,
    before: datetime | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Sight:
    """Up to `enough` of `rows`, the newest first: those from `since` on that are older than
    `before`, where these are given."""
    sight, begun = Sight(), clock()
    oldest, now = since or BEGINNING, timezone.now()
    end, span = before if before and before < now else None, FIRST_SPAN
    while True:
        step = clock()
        start = max(max(end or now, oldest) - span, oldest)
        part = rows if end is None else rows.filter(timestamp__lt=end)
        if start > oldest or since:
            part = part.filter(timestamp__gte=start)
        sight.messages += part.newest_first()[: enough - len(sight.messages)]
        if len(sight.messages) >= enough or start <= oldest:
            return sight
        if clock() - begun >= PATIENCE:
            sight.reached = start
            return sight
        span *= min(GROWTH, STEP / max(clock() - step, STEP / GROWTH))
        end = start
