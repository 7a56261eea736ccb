"""A picture or a JSON description of it, by Accept. Errors stay JSON whatever was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class AnyPicture(BaseRenderer):
    """Stands for whatever kind of picture there is. Only errors are rendered by it: the picture
    itself is answered as it is."""

    media_type = "image/*"
    format = "image"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {})["response"]
        response.content_type = "application/problem+json"
        return json.dumps(data, default=str).encode()


def default_type(request: Request) -> str:
    """How our own stand-in is drawn: SVG for those who name it, PNG for everybody else."""
    accept = request.headers.get("Accept", "")
    return "image/svg+xml" if "image/svg+xml" in accept else "image/png"
