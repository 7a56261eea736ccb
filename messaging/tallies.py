"""Count things so that /metrics tells the same in every process. Never fails its caller."""

from __future__ import annotations

import logging

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F

from .models import Tally

logger = logging.getLogger(__name__)

AVATAR_FETCHES = "avatar_fetch"  # by status
AVATAR_PANICS = "avatar_fetch_panics"
CONNECTION_FAILURES = "api_connection_failures"  # by endpoint


def count(name: str, label: str = "", by: int = 1) -> None:
    """One more. Lost, with a line in the log, while the database refuses."""
    try:
        if _add(name, label, by):
            return
        try:
            with transaction.atomic():
                Tally.objects.create(name=name, label=label, count=by)
        except IntegrityError:  # somebody else made the row meanwhile
            _add(name, label, by)
    except DatabaseError:
        logger.exception("a tally was not counted", extra={"tally": name, "label": label})


def _add(name: str, label: str, by: int) -> bool:
    return bool(Tally.objects.filter(name=name, label=label).update(count=F("count") + by))


def read(name: str) -> dict[str, int]:
    """The counts by label."""
    return dict(Tally.objects.filter(name=name).values_list("label", "count"))
