"""JSON bodies up to DATA_UPLOAD_MAX_MEMORY_SIZE. DRF's own parser reads whatever comes."""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import JSONParser


class JsonBody(JSONParser):
    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Any | None = None
    ) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        read = stream.read(most + 1)
        if len(read) > most:
            raise RequestDataTooBig
        return super().parse(io.BytesIO(read), media_type, parser_context)
