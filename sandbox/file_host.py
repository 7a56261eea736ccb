"""HTTPS on the proxy port that is not the websocket: profile pictures, and the media host.

One request per connection. Bodies are read and written in pieces, so that a large file neither
fills the memory nor holds up the others.
"""

import asyncio
import hmac
import io
import json
import logging
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs

import h11

from sandbox.network import faults, media_host, pictures
from sandbox.network.hub import Network
from sandbox.network.media_files import FileTooLargeError, WrongHashError

log = logging.getLogger(__name__)

PIECE_BYTES = 65_536
IDLE_SECONDS = 30.0
BINARY, JSON, JPEG = "application/octet-stream", "application/json", "image/jpeg"


class FileHost:
    """Answers one request at a time on a connection that its caller owns and closes."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def serve(
        self, request: h11.Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Read the body, if there is one, and answer. Raises ConnectionError and the like."""
        target = request.target.decode("latin-1")
        if media_host.upload_name(target):
            await self._serve_upload(request, target, reader, writer)
        elif media_host.name_in(target):
            await self._serve_download(request, target, writer)
        else:
            picture = pictures.picture_at(self._network, target)
            found = picture if request.method == b"GET" else b""
            await _answer(writer, HTTPStatus.OK if found else HTTPStatus.NOT_FOUND, found, JPEG)

    async def _serve_upload(
        self,
        request: h11.Request,
        target: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        media, name = self._network.media, media_host.upload_name(target)
        headers = dict(request.headers)
        given = parse_qs(target.partition("?")[2]).get("auth", [""])[0]
        if not hmac.compare_digest(given.encode(), self._network.media_auth.encode()):
            await _refuse(writer, HTTPStatus.UNAUTHORIZED, "auth is missing or wrong")
        elif request.method == b"DELETE":
            media.delete(name)
            await _answer(writer, HTTPStatus.OK, b"{}", JSON)
        elif request.method != b"POST":
            await _refuse(writer, HTTPStatus.METHOD_NOT_ALLOWED, "use POST or DELETE")
        elif not (length := headers.get(b"content-length", b"")).isdigit():
            await _refuse(writer, HTTPStatus.LENGTH_REQUIRED, "content-length is missing")
        elif int(length) > media.max_file_bytes:
            detail = f"a file holds at most {media.max_file_bytes} bytes"
            await _refuse(writer, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        else:
            await self._take(name, _pieces(reader, int(length)), writer)

    async def _take(
        self, name: str, body: AsyncIterator[bytes], writer: asyncio.StreamWriter
    ) -> None:
        try:
            await self._network.media.take(body, name)
        except WrongHashError as error:
            await _refuse(writer, HTTPStatus.BAD_REQUEST, str(error))
        except FileTooLargeError as error:
            await _refuse(writer, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
        else:
            path = media_host.direct_path(name)
            url = f"https://{media_host.DOMAIN}{path}"
            document = json.dumps({"url": url, "direct_path": path}).encode()
            await _answer(writer, HTTPStatus.OK, document, JSON)

    async def _serve_download(
        self, request: h11.Request, target: str, writer: asyncio.StreamWriter
    ) -> None:
        host = dict(request.headers).get(b"host", b"").decode("latin-1")
        digits, device = media_host.device_at(host)
        armed = self._network.faults
        slow = armed.use(faults.MEDIA_SLOW, digits, device)
        if slow and slow.seconds:
            await asyncio.sleep(slow.seconds)
        gone = armed.use(faults.MEDIA_GONE, digits, device)
        path = self._network.media.path(media_host.name_in(target))
        if gone or path is None or request.method != b"GET":
            code = gone.parameters.get("code") if gone else None
            await _refuse(writer, HTTPStatus(code or HTTPStatus.NOT_FOUND), "there is no such file")
            return
        corrupt = armed.use(faults.MEDIA_CORRUPT, digits, device) is not None
        await _send_file(writer, path, corrupt=corrupt)


async def _pieces(reader: asyncio.StreamReader, length: int) -> AsyncIterator[bytes]:
    """A body of this length. Raises IncompleteReadError when it ends before, TimeoutError."""
    left = length
    while left:
        piece = await asyncio.wait_for(reader.read(min(left, PIECE_BYTES)), IDLE_SECONDS)
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
        yield piece


async def _send_file(writer: asyncio.StreamWriter, path: Path, *, corrupt: bool) -> None:
    """Send a file; a corrupt one has its first byte changed."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        _head(writer, HTTPStatus.OK, size, BINARY)
        while piece := file.read(PIECE_BYTES):
            if corrupt:
                piece, corrupt = bytes([piece[0] ^ 0xFF]) + piece[1:], False
            writer.write(piece)
            await writer.drain()


async def _refuse(writer: asyncio.StreamWriter, status: HTTPStatus, detail: str) -> None:
    log.info("media host: %d %s", status, detail)
    await _answer(writer, status, json.dumps({"detail": detail}).encode(), JSON)


async def _answer(
    writer: asyncio.StreamWriter, status: HTTPStatus, body: bytes, content_type: str
) -> None:
    _head(writer, status, len(body), content_type)
    writer.write(body)
    await writer.drain()


def _head(writer: asyncio.StreamWriter, status: HTTPStatus, size: int, content_type: str) -> None:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {size}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode())
