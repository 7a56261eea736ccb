"""Files of messages over REST: the bytes, decrypted, for whoever may read the workspace."""

from __future__ import annotations

import time
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.documented import codes
from accounts.api.problems import Problem
from accounts.models import ApiKey, WhatsAppAccountQuerySet
from events import waiting
from sessions_mgr.api.views import wait_seconds

from ..media import serving
from ..models import Media, MediaState


class MediaView(APIView):
    @extend_schema(
        summary="A file of a message",
        parameters=[
            OpenApiParameter("thumbnail", bool, description="1: the small preview, a JPEG"),
            OpenApiParameter("download", bool, description="1: always to be saved, never shown"),
            OpenApiParameter("wait", float, description="seconds to wait for a pending file"),
            OpenApiParameter("Range", str, OpenApiParameter.HEADER),
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER),
        ],
        responses={
            (200, "*/*"): OpenApiTypes.BINARY,
            (206, "*/*"): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="unchanged"),
            404: codes("not_found", "no_thumbnail"),
            409: codes("media_pending"),
            410: codes("media_gone", "media_failed"),
            416: OpenApiResponse(description="outside of the file"),
            503: codes("storage_failed"),
        },
    )
    def get(self, request: Request, media_id: UUID) -> HttpResponseBase:
        assert isinstance(request.auth, ApiKey)
        file = await_file(request.auth, media_id, wait_seconds(request))
        if file is None:
            raise Problem(404, "not_found", "There is no such file in this workspace.")
        try:
            return serving.respond(
                request._request,
                file,
                thumbnail=_is_set(request, "thumbnail"),
                download=_is_set(request, "download"),
            )
        except serving.NotThere as exc:
            raise Problem(exc.status, exc.code, exc.detail, error=file.error) from None

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        """`Accept: image/*` is about the file; errors are JSON all the same."""
        return super().perform_content_negotiation(request, force=True)


def find_file(accounts: WhatsAppAccountQuerySet, media_id: UUID) -> Media | None:
    """The file, where its number is one of these and still exists."""
    return Media.objects.filter(pk=media_id, account__in=accounts.present()).first()


def await_file(key: ApiKey, media_id: UUID, wait: float) -> Media | None:
    """As find_file, once the file is no longer pending or the wait is over."""
    deadline = time.monotonic() + wait
    with waiting.for_events(key.workspace_id) as news:
        while True:
            file = find_file(key.visible_accounts(), media_id)
            left = deadline - time.monotonic()
            if file is None or file.state != MediaState.PENDING or left <= 0:
                return file
            news.wait(left)


def _is_set(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() in ("1", "true")
