"""Answers that are made while they are sent, for a server of either kind."""

from __future__ import annotations

import re

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from accounts import exporting
from accounts.models import Workspace


def export_of(request: HttpRequest, workspace: Workspace) -> StreamingHttpResponse:
    """The workspace as a zip. Under ASGI a plain iterator would be collected before it is sent."""
    later = isinstance(request, ASGIRequest)
    parts = exporting.archive_later(workspace) if later else exporting.archive(workspace)
    clean = re.sub(r"[^A-Za-z0-9_-]+", "-", workspace.name).strip("-") or "workspace"
    name = f"{clean}-{timezone.now():%Y-%m-%d}.zip"
    return StreamingHttpResponse(
        parts,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        },
    )
