"""A workspace as one zip: a file of JSON lines per kind, and the files that its rows name.

Everything comes in pages and leaves as it is made, so an export of millions of rows takes the
memory of one page. Secrets stay here: binary fields and what tenants.py omits are left out.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BinaryField, FileField, Model, QuerySet
from django.utils import timezone

from . import tenants
from .models import ApiKey, Membership, Workspace

FORMAT = 1
PAGE = 1000  # rows
CHUNK = 256 * 1024  # bytes of a file
ENOUGH = 64 * 1024  # bytes that are sent on together

Fields = list[Any]


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
        for path, stored in _files(workspace):
            with stored as source, out.open(f"files/{path}", "w", force_zip64=True) as target:
                while part := source.read(CHUNK):
                    target.write(part)
                    yield from pipe.take(ENOUGH)
        # At the end: whoever reads it knows that the export is whole.
        out.writestr("manifest.json", json.dumps(_manifest(workspace, counts), indent=1))
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


def _files(workspace: Workspace) -> Iterator[tuple[str, Any]]:
    """Each stored file once: (its name, the file opened)."""
    done: set[str] = set()
    for model, tenant in tenants.models():
        for field in model._meta.concrete_fields:
            if not isinstance(field, FileField):
                continue
            mine = model._base_manager.filter(**{tenants.lookup(tenant): workspace.pk})
            for page in _pages(mine.exclude(**{field.name: ""}).only("pk", field.name)):
                for row in page:
                    name = getattr(row, field.name).name
                    if name and name not in done and field.storage.exists(name):
                        done.add(name)
                        yield f"{model._meta.model_name}/{name}", field.storage.open(name, "rb")


def _manifest(workspace: Workspace, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "workspace": {"id": str(workspace.pk), "name": workspace.name},
        "exported_at": timezone.now().isoformat(),
        "rows": counts,
    }
