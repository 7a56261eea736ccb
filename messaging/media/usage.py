"""How many bytes of files each workspace keeps, counted anew; the quota's counter only drifts.

A file that several messages share counts once.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Sum

from accounts import quotas

from ..models import Media, MediaState, Upload


def recount(workspace_id: UUID) -> int:
    """Write the truth into the quota's counter. Returns it."""
    stored = Media.objects.filter(account__workspace_id=workspace_id, state=MediaState.STORED)
    files = stored.order_by().values("file", "size").distinct()
    size = files.aggregate(total=Sum("size"))["total"] or 0
    uploads = Upload.objects.filter(workspace_id=workspace_id)
    size += uploads.aggregate(total=Sum("size"))["total"] or 0
    quotas.recount_media(workspace_id, size)
    return int(size)
