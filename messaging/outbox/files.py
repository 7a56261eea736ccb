"""From a file of unknown kind to one that can be sent, and where it is kept.

`examine` decides and converts, without a database; `keep` streams into the storage.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.core.files import File
from django.core.files.storage import Storage, storages

from accounts.storage_errors import storage_errors

from ..media import extensions, names
from . import pictures, sniffing, voice
from .errors import MEDIA_INVALID, MEDIA_TOO_LARGE, MediaProblem

IMAGE_MOST = 16 * 1_048_576  # bytes
BLOCK = 1_048_576  # bytes read at once
# Types by extension where bytes do not tell: Office files are zip files, a CSV is any text.
_BY_EXTENSION = {
    extension: mime_type
    for mime_type, names in reversed(extensions.BY_TYPE.items())
    for extension in names
    if mime_type.startswith(("application/", "text/"))
} | {"txt": "text/plain"}
EXPECTED = {
    "image": (sniffing.IMAGES, "a JPEG, PNG, WebP or GIF picture"),
    "sticker": (sniffing.IMAGES, "a WebP, PNG or JPEG picture"),
    "video": (sniffing.VIDEOS, "an MP4 or 3GP video"),
    "audio": (sniffing.AUDIO, "MP3, AAC, M4A, AMR or Ogg audio"),
}


@dataclass(frozen=True, slots=True)
class Examined:
    """A file fit to be sent. `path` is the given file or a converted one beside it."""

    path: Path
    mime_type: str
    filename: str
    size: int
    sha256: str
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    waveform: str = ""
    animated: bool = False
    thumbnail: bytes = b""


def expect(kind: str, head: bytes) -> str:
    """The MIME type of a file by its first bytes. MediaProblem when `kind` cannot be that."""
    found = sniffing.sniff(head)
    if kind in EXPECTED and found not in EXPECTED[kind][0]:
        really = "something else" if found == sniffing.UNKNOWN else found
        raise MediaProblem(
            MEDIA_INVALID,
            f"The file is {really}, whatever its name says; type {kind} needs {EXPECTED[kind][1]}. "
            "Type document sends any file.",
        )
    return found


def most_bytes(kind: str, limit: int) -> int:
    """The largest file of this type that is taken in; `limit` is the installation's."""
    return min(limit, IMAGE_MOST) if kind in ("image", "sticker") else limit


def examine(path: Path, *, kind: str, filename: str, most: int, ffmpeg: str | None) -> Examined:
    """Look at the whole file and convert it where needed. MediaProblem says why it is refused."""
    size = path.stat().st_size
    if not size:
        raise MediaProblem(MEDIA_INVALID, "The file is empty.")
    if size > most_bytes(kind, most):
        raise MediaProblem(
            MEDIA_TOO_LARGE, f"The file has more than {most_bytes(kind, most):,} bytes."
        )
    with path.open("rb") as file:
        found = expect(kind, file.read(sniffing.HEAD))
    if kind in ("image", "sticker"):
        return _picture(path, kind, filename)
    if kind == "voice":
        note = voice.prepare(path, folder=path.parent, ffmpeg=ffmpeg)
        return _whole(
            note.path,
            note.mime_type,
            filename,
            kind,
            duration=note.duration,
            waveform=note.waveform,
        )
    if kind == "document":
        found = declared(found, filename)
    length = voice.duration(path) if found == "audio/ogg" else None
    return _whole(path, found, filename, kind, duration=length)


def _picture(path: Path, kind: str, filename: str) -> Examined:
    made = pictures.photo(path) if kind == "image" else pictures.sticker(path)
    if made.converted is not None:
        path = path.with_suffix(".converted")
        path.write_bytes(made.converted)
        filename = filename.rpartition(".")[0]
    return _whole(
        path,
        made.mime_type,
        filename,
        kind,
        width=made.width,
        height=made.height,
        animated=made.animated,
        thumbnail=made.thumbnail,
    )


def declared(found: str, filename: str) -> str:
    """The type of a document: by its bytes, or by its name where bytes do not tell. A name never
    makes a picture of it."""
    if found not in (sniffing.UNKNOWN, "application/zip"):
        return found
    return _BY_EXTENSION.get(filename.rpartition(".")[2].lower(), found)


def _whole(path: Path, mime_type: str, filename: str, kind: str, **more: object) -> Examined:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return Examined(
        path=path,
        mime_type=mime_type,
        filename=names.clean(filename, names.plain_type(mime_type), fallback=kind),
        size=path.stat().st_size,
        sha256=digest.hexdigest(),
        **more,  # type: ignore[arg-type]  # fields of Examined, by name
    )


def storage() -> Storage:
    return storages["media"]


def keep(path: Path, name: str) -> str:
    """Stream a file into the storage; the name under which it is there."""
    with path.open("rb") as file, storage_errors():
        return storage().save(name, File(file))


def name_for(*, account_id: UUID, media_id: UUID) -> str:
    """No part of it comes from outside."""
    return f"{account_id}/out/{media_id}"


def as_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
