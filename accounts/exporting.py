"""A workspace as one zip: a file of JSON lines per kind, and the files that its rows name.

Everything comes in pages and leaves as it is made, so an export of millions of rows takes the
memory of one page, and under a kilobyte per file: a zip ends with a list of its members.
Secrets stay here: binary fields and what tenants.py omits are left out.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import closing
from itertools import chain
from typing import Any, NamedTuple, cast

from asgiref.sync import sync_to_async
from django.core.files.storage import Storage
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BinaryField, FileField, Model, QuerySet
from django.utils import timezone

from . import tenants
from .models import ApiKey, Membership, Workspace
from .storage_errors import storage_errors

FORMAT = 2
PAGE = 1000  # rows
CHUNK = 256 * 1024  # bytes of a file
ENOUGH = 64 * 1024  # bytes that are sent on together
MISSING_IN_MEMORY = 256 * 1024  # bytes of the list of missing files; more is on disk meanwhile

Fields = list[Any]


class _File(NamedTuple):
    """A stored file and the row that names it: in the archive it has the name of that row."""

    kind: str
    id: str
    storage: Storage
    name: str

    @property
    def path(self) -> str:
        return f"files/{self.kind}/{self.id}"

    def line(self) -> bytes:
        return json.dumps({"kind": self.kind, "id": self.id, "file": self.name}).encode() + b"\n"


class _Pipe:
    """What zipfile writes to; it cannot go back, so nothing has to be kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._size += len(data)
        return len(data)

    def flush(self) -> None:
        """There is nothing below."""

    def take(self, least: int = 0) -> Iterator[bytes]:
        if self._size > least:
            yield b"".join(self._parts)
            self._parts, self._size = [], 0


def archive(workspace: Workspace) -> Iterator[bytes]:
    """The zip in parts. Reads on while it is being sent: what changes meanwhile may be in it."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast(Any, pipe), "w", zipfile.ZIP_DEFLATED, compresslevel=5) as out:
        counts: dict[str, int] = {}
        for name, rows, fields in _kinds(workspace):
            counts[name] = 0
            with out.open(f"{name}.ndjson", "w", force_zip64=True) as lines:
                for page in _pages(rows):
                    for row in page:
                        lines.write(_line(row, fields))
                    counts[name] += len(page)
                    yield from pipe.take(ENOUGH)
        files = yield from _add_files(workspace, out, pipe)
        # At the end: whoever reads it knows that the export is whole.
        out.writestr("manifest.json", json.dumps(_manifest(workspace, counts, files), indent=1))
    yield from pipe.take()


async def archive_later(workspace: Workspace) -> AsyncIterator[bytes]:
    """The same for an ASGI server, which would otherwise collect all of it first."""
    parts = archive(workspace)

    def following() -> bytes | None:
        return next(parts, None)

    while (part := await sync_to_async(following)()) is not None:
        yield part


def _kinds(workspace: Workspace) -> Iterator[tuple[str, QuerySet[Any], Fields]]:
    for model, tenant in tenants.models():
        if tenant.export:
            mine = model._base_manager.filter(**{tenants.lookup(tenant): workspace.pk})
            yield tenant.export, mine, _fields(model, tenant.omit)
    members = Membership.objects.filter(workspace=workspace).select_related("user")
    yield "members", members, [("email", lambda m: m.user.email), ("role", lambda m: m.role)]
    keys = ApiKey.objects.filter(workspace=workspace)
    shown = ("public_id", "name", "prefix", "scopes", "created", "expiry_date", "revoked")
    yield "api_keys", keys, [_reader(name) for name in shown]


def _fields(model: type[Model], omit: tuple[str, ...]) -> Fields:
    """(name, how to read it) of what may leave."""
    return [
        _reader(field.attname)
        for field in model._meta.concrete_fields
        if field.name not in omit and not isinstance(field, BinaryField)
    ]


def _reader(name: str) -> tuple[str, Any]:
    def read(row: Any) -> Any:
        value = getattr(row, name)
        return value.name if hasattr(value, "storage") else value

    return name, read


def _pages(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """By primary key: no transaction and no cursor stays open while a slow client reads."""
    last = None
    while True:
        page = list((rows if last is None else rows.filter(pk__gt=last)).order_by("pk")[:PAGE])
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1].pk


def _line(row: Any, fields: Fields) -> bytes:
    found = {name: read(row) for name, read in fields}
    return json.dumps(found, cls=DjangoJSONEncoder, ensure_ascii=False).encode() + b"\n"


def _add_files(
    workspace: Workspace, out: zipfile.ZipFile, pipe: _Pipe
) -> Generator[bytes, None, dict[str, int]]:
    """How many are in the archive, and how many went before it was their turn: of those each has
    a line in missing.ndjson. That other file can be begun only when no more of these follow."""
    counts = {"stored": 0, "missing": 0}
    with tempfile.SpooledTemporaryFile(MISSING_IN_MEMORY) as missing:
        for file in _files(workspace):
            parts = _parts(file)
            try:
                first = next(parts)
            except FileNotFoundError:
                counts["missing"] += 1
                missing.write(file.line())
                continue
            counts["stored"] += 1
            with closing(parts), out.open(file.path, "w", force_zip64=True) as target:
                for part in chain([first], parts):
                    target.write(part)
                    yield from pipe.take(ENOUGH)
        missing.seek(0)
        with out.open("missing.ndjson", "w", force_zip64=True) as lines:
            while part := missing.read(CHUNK):
                lines.write(part)
                yield from pipe.take(ENOUGH)
    return counts


def _files(workspace: Workspace) -> Iterator[_File]:
    for model, tenant in tenants.models():
        for field in model._meta.concrete_fields:
            if not isinstance(field, FileField) or not tenant.export:
                continue
            mine = model._base_manager.filter(**{tenants.lookup(tenant): workspace.pk})
            for page in _pages(mine.exclude(**{field.name: ""}).only("pk", field.name)):
                for row in page:
                    name = str(getattr(row, field.name).name)
                    yield _File(tenant.export, str(row.pk), field.storage, name)


def _parts(file: _File) -> Generator[bytes, None, None]:
    """At least one part, also of an empty file. FileNotFoundError before the first: it is gone.
    Once there is a part it stays readable; of a bucket all of it is in a temporary file."""
    with storage_errors(), file.storage.open(file.name, "rb") as source:
        yield source.read(CHUNK)
        while part := source.read(CHUNK):
            yield part


def _manifest(
    workspace: Workspace, counts: dict[str, int], files: dict[str, int]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "workspace": {"id": str(workspace.pk), "name": workspace.name},
        "exported_at": timezone.now().isoformat(),
        "rows": counts,
        "files": files,
    }
