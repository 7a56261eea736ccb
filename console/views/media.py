"""Files of messages for people who are signed in: the same bytes as the API's."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseBase

from messaging.api.files import find_file
from messaging.media import serving

from ..access import MemberRequest, workspace_page


@workspace_page()
def file(request: MemberRequest, media_id: UUID) -> HttpResponseBase:
    """The file; `?thumbnail=1` its preview, `?download=1` always to be saved."""
    found = find_file(request.workspace.accounts.all(), media_id)
    if found is None:
        raise Http404
    try:
        return serving.respond(
            request,
            found,
            thumbnail=request.GET.get("thumbnail") == "1",
            download=request.GET.get("download") == "1",
        )
    except serving.NotThere as exc:
        return HttpResponse(exc.detail, status=exc.status, content_type="text/plain; charset=utf-8")
