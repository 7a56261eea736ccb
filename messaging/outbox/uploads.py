"""Files that apps leave here before they send them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts import quotas
from accounts.models import Workspace
from accounts.storage_errors import storage_errors

from ..media import names
from ..models import Upload
from . import files, sniffing
from .errors import MEDIA_INVALID, MEDIA_TOO_LARGE, MediaProblem

KEPT = timedelta(hours=24)
AT_ONCE = 500  # files of which the rows are in memory


def keep(*, workspace: Workspace, file: UploadedFile[Any], most: int) -> Upload:
    """Store the file. MediaProblem when it is empty or larger than `most` bytes."""
    if not file.size:
        raise MediaProblem(MEDIA_INVALID, "The file is empty.")
    if file.size > most:
        raise MediaProblem(MEDIA_TOO_LARGE, f"Send at most {most:,} bytes.")
    quotas.check_room(workspace.pk, file.size)
    digest = hashlib.sha256()
    head = b""
    for chunk in file.chunks():
        head = head or chunk[: sniffing.HEAD]
        digest.update(chunk)
    file.seek(0)
    upload_id, mime_type = uuid4(), files.declared(sniffing.sniff(head), file.name or "")
    with storage_errors():
        stored = files.storage().save(f"uploads/{workspace.pk}/{upload_id}", file)
    try:
        with transaction.atomic():
            quotas.check_media(workspace, file.size)
            return Upload.objects.create(
                id=upload_id,
                workspace=workspace,
                filename=names.clean(file.name or "", mime_type),
                mime_type=mime_type,
                size=file.size,
                sha256=digest.hexdigest(),
                file=stored,
                expires_at=timezone.now() + KEPT,
            )
    except (DatabaseError, quotas.QuotaExceeded):
        files.storage().delete(stored)
        raise


def forget_expired(at: datetime) -> int:
    """Retention. Messages have copies of their own. How many went."""
    count = 0
    expired = Upload.objects.filter(expires_at__lt=at).order_by("expires_at")
    while batch := list(expired[:AT_ONCE]):
        for upload in batch:
            with storage_errors():
                files.storage().delete(str(upload.file.name))
            upload.delete()
            quotas.give_back_media(upload.workspace_id, upload.size)
        count += len(batch)
    return count
