"""Files on their way through the worker, piece by piece: uploads to send, downloads to store.

They lie in `tmp/` of the session's folder, which nobody else may read and which is emptied at the
start of every life. Names are ids of the core, checked, so that none can lead out of the folder.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..engines.base import Engine, EngineError

TMP = "tmp"
CHUNK_BYTES = 384 * 1024
FILE_BYTES = 2 * 1024**3  # WhatsApp's limit for documents; the core's own is lower
MEMORY_BYTES = 128 * 1024**2  # the engine holds a whole file in memory, several times
OPEN_FILES = 64
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


class Transfers:
    def __init__(self, folder: Path, engine: Engine) -> None:
        """`folder` is the session's; its `tmp` is made anew."""
        self._folder = folder / TMP
        self._engine = engine
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}  # what each upload shall have in the end
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        return {
            "upload_begin": self.upload_begin,
            "upload_chunk": self.upload_chunk,
            "upload_end": self.upload_end,
            "download_begin": self.download_begin,
            "download_chunk": self.download_chunk,
            "download_end": self.download_end,
        }

    # Uploads --------------------------------------------------------------------------------

    def upload_begin(self, args: dict[str, Any]) -> dict[str, Any]:
        """Begin, or begin again: what was there under this id is gone."""
        file = self._upload(args["upload_id"])
        size = _whole(args["size"], "size")
        if not 0 < size <= MEMORY_BYTES:
            raise EngineError("media_too_large", f"a file has 1 to {MEMORY_BYTES} bytes")
        with self._lock:
            if len(self._sizes) >= OPEN_FILES and file.name not in self._sizes:
                raise EngineError("busy", "Too many files wait to be sent.")
            self._sizes[file.name] = size
            file.write_bytes(b"")
        return {}

    def upload_chunk(self, args: dict[str, Any]) -> dict[str, Any]:
        """Chunks come in order; one that was there already is passed over."""
        file = self._upload(args["upload_id"])
        offset, data = _whole(args["offset"], "offset"), _chunk(args["data"])
        with self._lock:
            size = self._sizes.get(file.name)
            if size is None or not file.exists():
                raise _no_upload()
            have = file.stat().st_size
            if offset + len(data) > size:
                raise EngineError("invalid_request", f"more than the {size} bytes that were said")
            if offset + len(data) <= have:
                return {"received": have}
            if offset != have:
                raise EngineError("invalid_request", f"the next offset is {have}", received=have)
            with file.open("ab") as target:
                target.write(data)
        return {"received": have + len(data)}

    def upload_end(self, args: dict[str, Any]) -> dict[str, Any]:
        """The file is not needed any more."""
        self.forget(self._upload(args["upload_id"]))
        return {}

    def uploaded(self, upload_id: object) -> Path:
        """The whole file. Raises no_such_upload when it, or a part of it, is missing."""
        file = self._upload(upload_id)
        with self._lock:
            size = self._sizes.get(file.name)
            if size is None or not file.exists():
                raise _no_upload()
            if file.stat().st_size != size:
                raise EngineError("no_such_upload", "The file is not complete.")
        return file

    # Downloads ------------------------------------------------------------------------------

    def download_begin(self, args: dict[str, Any]) -> dict[str, Any]:
        """Fetch and decrypt; {size, sha256}. May take as long as the file is large."""
        file = self._download(args["media_id"])
        max_bytes = min(_whole(args["max_bytes"], "max_bytes"), MEMORY_BYTES)
        if not self._engine.health().logged_in:
            raise EngineError("not_connected", "this number is not connected")
        with self._lock:
            if sum(1 for _ in self._folder.glob("down-*")) >= OPEN_FILES:
                raise EngineError("busy", "Too many files are being fetched.")
        try:
            self._engine.messages.download(str(args["locator"]), file, max_bytes)
            with file.open("rb") as source:
                digest = hashlib.file_digest(source, "sha256").hexdigest()
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        return {"size": file.stat().st_size, "sha256": digest}

    def download_chunk(self, args: dict[str, Any]) -> dict[str, Any]:
        file = self._download(args["media_id"])
        offset, length = _whole(args["offset"], "offset"), _whole(args["length"], "length")
        if not 0 < length <= CHUNK_BYTES:
            raise EngineError("invalid_request", f"a chunk has 1 to {CHUNK_BYTES} bytes")
        try:
            with file.open("rb") as source:
                source.seek(offset)
                data = source.read(length)
                eof = source.tell() >= file.stat().st_size
        except FileNotFoundError:
            raise EngineError("no_such_download", "Begin the download first.") from None
        return {"data": base64.b64encode(data).decode(), "eof": eof}

    def download_end(self, args: dict[str, Any]) -> dict[str, Any]:
        self.forget(self._download(args["media_id"]))
        return {}

    def forget(self, file: Path) -> None:
        with self._lock:
            self._sizes.pop(file.name, None)
            file.unlink(missing_ok=True)

    def _upload(self, name: object) -> Path:
        return self._folder / f"up-{_checked(name)}"

    def _download(self, name: object) -> Path:
        return self._folder / f"down-{_checked(name)}"


def _no_upload() -> EngineError:
    return EngineError("no_such_upload", "Upload the file first; a new worker has none of the old.")


def _checked(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise EngineError("invalid_request", "an id is 1 to 64 letters, digits, _ and -")
    return name


def _whole(number: object, name: str) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= FILE_BYTES:
        raise EngineError("invalid_request", f"{name} is a whole number of bytes")
    return number


def _chunk(data: object) -> bytes:
    try:
        decoded = base64.b64decode(str(data), validate=True)
    except (binascii.Error, ValueError):
        raise EngineError("invalid_request", "data is base64") from None
    if not 0 < len(decoded) <= CHUNK_BYTES:
        raise EngineError("invalid_request", f"a chunk has 1 to {CHUNK_BYTES} bytes")
    return decoded
