"""Forgets what has become old, once an hour, in a thread of its own.

Each part on its own: a bucket that is away keeps no events from going, and one workspace no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.utils import timezone

from accounts import preferences
from accounts import retention as people_retention
from accounts.models import Workspace
from events import services as event_log
from messaging.background import in_thread
from messaging.media import retention as media_retention
from messaging.media import usage as media_usage
from messaging.outbox import uploads
from messaging.retention import forget_messages
from sessions_mgr import retention as timeline_retention
from sessions_mgr.models import SeenFact
from webhooks import retention as webhook_retention

logger = logging.getLogger(__name__)

INTERVAL = 3600.0  # seconds
SEEN_FACTS_KEPT = timedelta(days=8)  # longer than the stream keeps a fact


async def run(stop: asyncio.Event) -> None:
    while not stop.is_set():
        await in_thread(forget_old)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), INTERVAL)


def forget_old() -> None:
    at = timezone.now()
    _part("webhooks", partial(webhook_retention.forget_old, at))
    _part("files", partial(media_retention.forget_old, at))
    _part("uploads", partial(uploads.forget_expired, at))
    _part("facts", SeenFact.objects.filter(at__lt=at - SEEN_FACTS_KEPT).delete)
    _part("timeline", partial(timeline_retention.forget_timeline, at))
    _part("notices", partial(timeline_retention.forget_notices, at))
    _part("sign-ins", partial(people_retention.forget_sign_ins, at))
    _part("invitations", partial(people_retention.forget_invitations, at))
    _part("usage", partial(people_retention.forget_usage, at))
    for workspace_id in Workspace.objects.values_list("pk", flat=True):
        _part(f"workspace {workspace_id}", partial(_forget_of, workspace_id, at))


def _part(name: str, work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        logger.exception("retention of %s did not end; next try in an hour", name)


def _forget_of(workspace_id: UUID, at: datetime) -> None:
    wishes = preferences.of(workspace_id)
    gone = event_log.forget_before(
        workspace_id=workspace_id, at=at - timedelta(days=wishes.event_retention_days)
    )
    if wishes.message_retention_days:
        before = at - timedelta(days=wishes.message_retention_days)
        gone += forget_messages(workspace_id=workspace_id, before=before)
    media_usage.recount(workspace_id)
    if gone:
        logger.info(
            "retention: %d events and messages gone",
            gone,
            extra={"workspace": str(workspace_id)},
        )
