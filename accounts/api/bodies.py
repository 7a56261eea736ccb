"""JSON bodies up to a limit of their own: DATA_UPLOAD_MAX_MEMORY_SIZE where nothing else is said.

No JSONParser, as DRF has Django read the body for those, and Django knows one limit only.
"""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, JSONParser

from .problems import Problem

DIGITS = 19  # of 2**63; Python refuses to read numbers of thousands


class JsonBody(BaseParser):
    media_type = JSONParser.media_type
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE  # bytes

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Any | None = None
    ) -> Any:
        read = stream.read(self.most + 1)
        if len(read) > self.most:
            raise Problem(413, "too_large", f"Send at most {self.most:,} bytes.")
        try:
            return JSONParser().parse(io.BytesIO(read), media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - it is nested too deeply") from None


def with_file(most: int) -> type[JsonBody]:
    """For requests with a file of up to `most` bytes as base64 in them."""
    return type("JsonWithFile", (JsonBody,), {"most": most * 4 // 3 + JsonBody.most})


def announced(content_length: str) -> int:
    """Bytes that the header Content-Length tells of; 0 without one. Problem 400 for what is none.

    Servers refuse such headers before us, but which server runs is not for a view to know.
    """
    if not content_length:
        return 0
    if not (content_length.isascii() and content_length.isdigit()):
        raise Problem(400, "parse_error", "Content-Length is no number of bytes.")
    return int(content_length[:DIGITS])  # of more digits: too large all the same
