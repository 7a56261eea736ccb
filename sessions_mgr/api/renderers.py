"""The QR code as an image, chosen by Accept. Errors stay JSON whatever was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer

from ..pictures import png


class _QrRenderer(BaseRenderer):
    charset = None

    def draw(self, data: Mapping[str, Any]) -> bytes:
        raise NotImplementedError

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {})["response"]
        if response.status_code >= 400:
            response.content_type = "application/problem+json"
            return json.dumps(data).encode()
        return self.draw(data)


class QrPng(_QrRenderer):
    media_type = "image/png"
    format = "png"
    render_style = "binary"

    def draw(self, data: Mapping[str, Any]) -> bytes:
        return png(data["code"])


class QrSvg(_QrRenderer):
    media_type = "image/svg+xml"
    format = "svg"

    def draw(self, data: Mapping[str, Any]) -> bytes:
        return str(data["svg"]).encode()
