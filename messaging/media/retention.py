"""Files that are older than people want to keep them, and those of deleted accounts."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts import preferences, quotas
from accounts.storage_errors import storage_errors

from ..models import HeldFact, Media, MediaState, Upload
from ..models.media import media_storage

logger = logging.getLogger(__name__)

AT_ONCE = 500  # files of each kind per turn
HELD_FACTS_KEPT = timedelta(days=30)  # for messages that never came


def forget_old(at: datetime) -> int:
    """Remove what is due. How many files went.

    First the row says that the file is gone, then it goes, then its name: whoever dies in between
    leaves a row that the next call finds.
    """
    HeldFact.objects.filter(at__lt=at - HELD_FACTS_KEPT).delete()
    shorter = preferences.media_days()
    removed = 0
    while gone := _forget_some(at, shorter):
        removed += gone
    if removed:
        logger.info("retention: %d files gone", removed)
    return removed


def remove_of_messages(message_ids: list[UUID]) -> int:
    """The files of messages that are about to go. How many."""
    files = Media.objects.filter(message_id__in=message_ids)
    _mark(files.exclude(state=MediaState.GONE), "retention", "Its message is kept no longer.")
    found = list(_with_files(files))
    for file in found:
        _remove(file)
    return len(found)


def _forget_some(at: datetime, shorter: dict[UUID, int]) -> int:
    """`shorter`: workspaces that keep files for fewer days than the installation."""
    stored = Media.objects.filter(state=MediaState.STORED)
    _mark_old(stored, at, settings.MEDIA_RETENTION_DAYS)
    for workspace_id, days in shorter.items():
        _mark_old(stored.filter(account__workspace_id=workspace_id), at, days)
    deleted = Media.objects.exclude(account__deleted_at=None)
    _mark(deleted.exclude(state=MediaState.GONE), "account_deleted", "Its number was removed.")
    files = list(_with_files(Media.objects.all())[:AT_ONCE])
    for file in files:
        _remove(file)
    return len(files)


def _with_files(files: QuerySet[Media]) -> QuerySet[Media]:
    """Of these: what is gone, but still has its file."""
    gone = files.filter(state=MediaState.GONE).exclude(file="")
    return gone.select_related("account").defer("thumbnail")


def _mark_old(stored: QuerySet[Media], at: datetime, days: int) -> None:
    old = stored.filter(stored_at__lt=at - timedelta(days=days))
    _mark(old, "retention", f"Files are kept for {days} days.")


def _mark(files: QuerySet[Media], code: str, detail: str) -> None:
    ids = list(files.values_list("pk", flat=True)[:AT_ONCE])
    Media.objects.filter(pk__in=ids).update(
        state=MediaState.GONE,
        error={"code": code, "detail": detail},
        thumbnail=b"",
        thumbnail_size=0,
        claim="",
        claimed_until=None,
    )


def _remove(file: Media) -> None:
    """A file may be shared with an upload, or with a message that was sent again."""
    name = str(file.file.name)
    shared = Media.objects.exclude(state=MediaState.GONE).filter(file=name).exists()
    if not shared and not Upload.objects.filter(file=name).exists():
        with storage_errors():
            media_storage().delete(name)
        quotas.give_back_media(file.account.workspace_id, file.size)
    Media.objects.filter(pk=file.pk).update(file="")
