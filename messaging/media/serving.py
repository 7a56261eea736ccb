"""A stored file as an HTTP answer: Range, ETag, and headers with which no browser executes it.

Whoever calls this has checked that the reader may see the file. docs/messages.md, section Files.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from accounts.storage_errors import StorageFailed, storage_errors

from ..models import Media, MediaState
from ..models.media import media_storage
from . import storage

logger = logging.getLogger(__name__)

# Browsers may show these by themselves; everything else is only ever saved. No HTML, no SVG.
SHOWN = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/gif",
        "image/bmp",
        "image/avif",
        "audio/ogg",
        "audio/opus",
        "audio/mpeg",
        "audio/mp3",
        "audio/mp4",
        "audio/x-m4a",
        "audio/aac",
        "audio/amr",
        "audio/wav",
        "audio/x-wav",
        "audio/flac",
        "audio/webm",
        "audio/3gpp",
        "video/mp4",
        "video/3gpp",
        "video/quicktime",
        "video/webm",
        "video/ogg",
        "application/pdf",
    }
)
_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*")


class NotThere(Exception):
    """There is no file to serve. `status` and `code` for the answer."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to and without `end`, and whether they were asked for as a part."""

    start: int
    end: int
    partial: bool = False


class FileStream(StreamingHttpResponse):
    """Streams `span` of an open file, under ASGI and WSGI alike, without holding it in memory."""

    def __init__(self, source: IO[bytes], span: Span, **fields: Any) -> None:
        self._source, self._span = source, span
        super().__init__(storage.blocks(source, span.start, span.end), **fields)
        self._resource_closers.append(source.close)  # type: ignore[attr-defined]  # Django's own way

    async def __aiter__(self) -> AsyncIterator[bytes]:
        blocks = storage.blocks(self._source, self._span.start, self._span.end)
        following = sync_to_async(lambda: next(blocks, b""), thread_sensitive=False)
        while block := await following():
            yield block


def check(file: Media) -> None:
    """NotThere unless the file is stored."""
    error = file.error or {}
    if file.state == MediaState.PENDING:
        raise NotThere(409, "media_pending", "The file is being fetched; ask again soon.")
    if file.state == MediaState.GONE:
        raise NotThere(410, "media_gone", error.get("detail") or "The file no longer exists.")
    if file.state == MediaState.FAILED:
        raise NotThere(410, "media_failed", error.get("detail") or "The file cannot be had.")


def respond(
    request: HttpRequest, file: Media, *, thumbnail: bool = False, download: bool = False
) -> HttpResponseBase:
    """200, 206, 304 or 416; NotThere where there is nothing to send."""
    if thumbnail:
        if not file.thumbnail_size:
            raise NotThere(404, "no_thumbnail", "This file has no preview.")
        data = bytes(file.thumbnail)
        etag = f'"{file.pk}-{len(data)}"'
        return _answer(request, BytesIO(data), len(data), etag, _headers(file, preview=True))
    check(file)
    try:
        with storage_errors():
            source = media_storage().open(str(file.file.name), "rb")
    except FileNotFoundError:
        raise NotThere(410, "media_gone", "The file is missing in the storage.") from None
    except StorageFailed as exc:
        logger.error("a file could not be opened: %s", exc, extra={"media": str(file.pk)})
        raise NotThere(503, "storage_failed", "The storage does not answer; ask again.") from exc
    headers = _headers(file, download=download)
    return _answer(request, source, file.size, f'"{file.sha256}"', headers)


def _headers(file: Media, *, preview: bool = False, download: bool = False) -> dict[str, str]:
    kind = "image/jpeg" if preview else file.mime_type
    inline = kind in SHOWN and not download
    name = "preview.jpg" if preview else file.filename
    headers = {
        "Content-Type": kind,
        "Content-Disposition": disposition(name, inline=inline),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "bytes",
    }
    if kind == "application/pdf" and inline:
        headers["Content-Security-Policy"] = "default-src 'none'"  # viewers do not run in a sandbox
    return headers


def disposition(filename: str, *, inline: bool) -> str:
    """RFC 6266: a plain name for old readers, and the real one after RFC 5987 where they differ."""
    kind = "inline" if inline else "attachment"
    plain = re.sub(r'[^ -~]|["\\%]', "_", filename)
    header = f'{kind}; filename="{plain}"'
    if plain != filename:
        header += f"; filename*=UTF-8''{quote(filename, safe='')}"
    return header


def _answer(
    request: HttpRequest, source: IO[bytes], size: int, etag: str, headers: dict[str, str]
) -> HttpResponseBase:
    headers = {**headers, "ETag": etag}
    if _matches(request.headers.get("If-None-Match", ""), etag):
        source.close()
        del headers["Content-Type"]
        answer = HttpResponse(status=304, headers=headers)
        del answer.headers["Content-Type"]
        return answer
    asked = request.headers.get("Range", "")
    if_range = request.headers.get("If-Range", "")
    if if_range and if_range.strip() != etag:
        asked = ""
    wanted = span(asked, size)
    if wanted is None:
        source.close()
        headers["Content-Range"] = f"bytes */{size}"
        return HttpResponse(status=416, headers={**headers, "Content-Type": "text/plain"})
    status = 206 if wanted.partial else 200
    if wanted.partial:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.end - 1}/{size}"
    headers["Content-Length"] = str(wanted.end - wanted.start)
    if request.method == "HEAD":
        source.close()
        return HttpResponse(status=status, headers=headers)
    return FileStream(source, wanted, status=status, headers=headers)


def span(header: str, size: int) -> Span | None:
    """The bytes that a Range header asks for; all of them for none, or for one that is no single
    range. None when it asks for what lies outside of the file (416)."""
    found = _RANGE.fullmatch(header)
    if found is None or found.groups() == ("", ""):
        return Span(0, size)
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        return Span(size - length, size, partial=True) if length else None
    start = int(first)
    if last and int(last) < start:
        return Span(0, size)  # RFC 9110: an invalid range is ignored
    if start >= size:
        return None
    return Span(start, min(int(last) + 1, size) if last else size, partial=True)


def _matches(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return etag in tags or "*" in tags
