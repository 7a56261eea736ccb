"""The media host's shelf: encrypted files in the sandbox's state folder, by their SHA-256.

A file is written under a temporary name and renamed when its hash is right, so a broken upload
leaves nothing. When the shelf is full the oldest files go.
"""

import contextlib
import hashlib
import re
import secrets
from collections.abc import AsyncIterable
from pathlib import Path

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_SHELF_BYTES = 2 * 1024 * 1024 * 1024
NAME = re.compile(r"[0-9a-f]{64}")
PARTIAL = ".partial"


class FileTooLargeError(Exception):
    """The file has more bytes than the media host takes."""


class WrongHashError(Exception):
    """The file is not the one that was announced."""


class MediaFiles:
    """One folder, made when it is first needed."""

    def __init__(
        self,
        folder: Path,
        *,
        max_file_bytes: int = MAX_FILE_BYTES,
        max_shelf_bytes: int = MAX_SHELF_BYTES,
    ) -> None:
        self.max_file_bytes = max_file_bytes
        self._folder = folder
        self._max_shelf_bytes = max_shelf_bytes
        for partial in folder.glob("*" + PARTIAL):
            partial.unlink()

    def put(self, data: bytes) -> str:
        """Keep a file; its name. Raises FileTooLargeError."""
        if len(data) > self.max_file_bytes:
            raise FileTooLargeError(f"{len(data)} bytes are more than {self.max_file_bytes}")
        name = hashlib.sha256(data).hexdigest()
        partial = self._partial()
        partial.write_bytes(data)
        self._keep(partial, name)
        return name

    async def take(self, chunks: AsyncIterable[bytes], name: str) -> None:
        """Keep what is uploaded under its name. Raises FileTooLargeError, WrongHashError."""
        partial, digest, size = self._partial(), hashlib.sha256(), 0
        try:
            with partial.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self.max_file_bytes:
                        raise FileTooLargeError(f"more than {self.max_file_bytes} bytes")
                    digest.update(chunk)
                    file.write(chunk)
            if digest.hexdigest() != name:
                raise WrongHashError("the file does not have the hash in its path")
            self._keep(partial, name)
        finally:
            partial.unlink(missing_ok=True)

    def path(self, name: str) -> Path | None:
        """Where the file is; None when there is none of this name."""
        if not NAME.fullmatch(name):
            return None
        path = self._folder / name
        return path if path.is_file() else None

    def read(self, name: str) -> bytes | None:
        """The whole file; None when there is none of this name."""
        path = self.path(name)
        return path.read_bytes() if path else None

    def delete(self, name: str) -> bool:
        """Remove a file; False when there is none of this name."""
        path = self.path(name)
        if path is None:
            return False
        path.unlink(missing_ok=True)
        return True

    def _partial(self) -> Path:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return self._folder / (secrets.token_hex(8) + PARTIAL)

    def _keep(self, partial: Path, name: str) -> None:
        partial.replace(self._folder / name)
        self._make_room()

    def _make_room(self) -> None:
        files = []
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._max_shelf_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size
