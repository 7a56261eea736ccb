"""Files of queued messages that are not here yet: fetched from their URL, or copied from an upload.

They are fetched while the message waits, whether the account is connected or not. A row is taken by
its claim; whoever finds an old claim takes it over.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import quotas
from accounts.storage_errors import storage_errors
from egress.transport import close, make_pool

from ..models import Direction, Media, MediaState, Outgoing, Upload
from . import fetching, files, orders, settling, voice
from .errors import MEDIA_GONE, MEDIA_QUOTA, STORAGE_FAILED, MediaProblem

CLAIM = timedelta(seconds=fetching.DEADLINE + voice.DEADLINE * 2 + 60)
TRIES = 5
FIRST_DELAY = 5.0  # seconds

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    media_id: UUID
    message_id: UUID
    workspace_id: UUID
    kind: str
    url: str
    upload_id: str
    filename: str


def take(*, claim: str, at: datetime, room: int) -> list[Job]:
    """Claim up to `room` files that are due."""
    due = Media.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lte=at),
        state=MediaState.PENDING,
        direction=Direction.OUT,
        next_try_at__lte=at,
        message__outgoing__isnull=False,
        message__outgoing__finished_at=None,
    )
    # Mostly there is none, and a look must not take the one lock that SQLite has for writers.
    return _claim(due, claim, at, room) if due.exists() else []


@transaction.atomic
def _claim(due: QuerySet[Media], claim: str, at: datetime, room: int) -> list[Job]:
    due = (
        due.select_for_update(skip_locked=True, of=("self",))
        .select_related("message__outgoing", "account")
        .order_by("next_try_at")[:room]
    )
    jobs = []
    for media in due:
        Media.objects.filter(pk=media.pk).update(claim=claim, claimed_until=at + CLAIM)
        request = media.message.outgoing.request
        jobs.append(
            Job(
                media_id=media.pk,
                message_id=media.message_id,
                workspace_id=media.account.workspace_id,
                kind=media.message.type,
                url=request["url"],
                upload_id=request["upload_id"],
                filename=request["filename"],
            )
        )
    return jobs


async def run(job: Job, *, claim: str, clock: Callable[[], datetime] = timezone.now) -> None:
    """Fetch, examine, keep; or write down why not."""
    with tempfile.TemporaryDirectory(prefix="switchboard-out-") as folder:
        path = Path(folder) / "file"
        try:
            name = await _get(job, path)
            await _in_thread(lambda: _store(job, path, name, claim))
        except MediaProblem as exc:
            problem = exc
        except OSError as exc:
            logger.warning("a file to send could not be kept: %s", exc)
            problem = MediaProblem(STORAGE_FAILED, "The storage does not answer.", again=True)
        else:
            return
    await _in_thread(lambda: _trouble(job, problem, claim, clock()))


async def _get(job: Job, path: Path) -> str:
    with path.open("wb") as into:
        if job.upload_id:
            return await _in_thread(lambda: _copy(job, into))
        allow_private = settings.OUTBOUND_MEDIA_ALLOW_PRIVATE
        pool = make_pool(allow_private=allow_private, proxy=settings.WEBHOOK_PROXY)
        try:
            return await fetching.fetch(
                job.url,
                into,
                pool=pool,
                most=files.most_bytes(job.kind, settings.MEDIA_MAX_BYTES),
                allow_private=allow_private,
            )
        finally:
            await close(pool)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread that gives its database connection back."""

    def run() -> T:
        close_old_connections()
        try:
            return work()
        finally:
            close_old_connections()

    return await sync_to_async(run, thread_sensitive=False)()


def _copy(job: Job, into: IO[bytes]) -> str:
    upload = Upload.objects.filter(pk=job.upload_id, workspace_id=job.workspace_id).first()
    if upload is None:
        raise MediaProblem(MEDIA_GONE, "The upload has expired; send it again.")
    with storage_errors(), upload.file.open("rb") as source:
        for chunk in source.chunks():
            into.write(chunk)
    return upload.filename


def _store(job: Job, path: Path, name: str, claim: str) -> None:
    examined = files.examine(
        path,
        kind=job.kind,
        filename=job.filename or name[:300],
        most=settings.MEDIA_MAX_BYTES,
        ffmpeg=voice.find_ffmpeg(),
    )
    held = Media.objects.filter(pk=job.media_id, claim=claim, state=MediaState.PENDING)
    media = held.select_related("account__workspace").first()
    if media is None:
        return  # somebody else was faster
    changed = orders.fill(media, examined)
    values = {field: getattr(media, field) for field in changed}
    values["file"] = media.file.name
    kept = False
    try:
        kept = _write_down(held, media, values)
    except quotas.QuotaExceeded as exc:
        raise MediaProblem(MEDIA_QUOTA, str(exc)) from None
    finally:
        if not kept:
            files.storage().delete(str(media.file.name))


@transaction.atomic
def _write_down(held: QuerySet[Media], media: Media, values: dict[str, Any]) -> bool:
    """False when somebody else was faster."""
    if not held.update(**values, claim="", claimed_until=None):
        return False
    quotas.check_media(media.account.workspace, media.size)
    return True


@transaction.atomic
def _trouble(job: Job, exc: MediaProblem, claim: str, at: datetime) -> None:
    media = Media.objects.filter(pk=job.media_id, claim=claim, state=MediaState.PENDING).first()
    if media is None:
        return
    attempts = media.attempts + 1
    wait = timedelta(seconds=FIRST_DELAY * 2**media.attempts)
    expires = Outgoing.objects.values_list("expires_at", flat=True).get(message_id=job.message_id)
    again = exc.again and attempts < TRIES and at + wait < expires
    Media.objects.filter(pk=media.pk).update(
        attempts=attempts,
        state=MediaState.PENDING if again else MediaState.FAILED,
        next_try_at=at + wait,
        error=exc.as_json(),
        claim="",
        claimed_until=None,
    )
    if not again:
        settling.failed(job.message_id, error=exc.as_json(), at=at)


def next_due(after: datetime) -> datetime | None:
    """When the next file is due after `after`; for tests and idle waits."""
    return (
        Media.objects.filter(
            state=MediaState.PENDING, direction=Direction.OUT, next_try_at__gt=after
        )
        .order_by("next_try_at")
        .values_list("next_try_at", flat=True)
        .first()
    )
