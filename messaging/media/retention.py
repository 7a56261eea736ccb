"""Files that are older than people want to keep them, and those of deleted accounts."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

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
    removed = 0
    while gone := _forget_some(at):
        removed += gone
    if removed:
        logger.info("retention: %d files gone", removed)
    return removed


def _forget_some(at: datetime) -> int:
    kept = timedelta(days=settings.MEDIA_RETENTION_DAYS)
    old = Media.objects.filter(state=MediaState.STORED, stored_at__lt=at - kept)
    _mark(old, "retention", f"Files are kept for {settings.MEDIA_RETENTION_DAYS} days.")
    deleted = Media.objects.exclude(account__deleted_at=None)
    _mark(deleted.exclude(state=MediaState.GONE), "account_deleted", "Its number was removed.")
    gone = Media.objects.filter(state=MediaState.GONE).exclude(file="").defer("thumbnail")
    files = list(gone[:AT_ONCE])
    for file in files:
        _remove(file)
    return len(files)


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
        media_storage().delete(name)
    Media.objects.filter(pk=file.pk).update(file="")
