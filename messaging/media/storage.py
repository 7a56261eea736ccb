"""Reading a part of a file, also where the storage is a bucket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import IO, Any

from accounts.storage_errors import storage_errors

BLOCK = 262_144  # bytes read at once


def blocks(source: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` up to and without `end`. Of an object in a bucket only these travel;
    Django's own way would fetch the whole of it first."""
    if start >= end:
        return
    thing: Any = getattr(source, "obj", None)
    if thing is None:
        source.seek(start)
        left = end - start
        while left > 0 and (block := source.read(min(BLOCK, left))):
            left -= len(block)
            yield block
        return
    with storage_errors():
        body = thing.get(Range=f"bytes={start}-{end - 1}")["Body"]
        with contextlib.closing(body):
            yield from body.iter_chunks(BLOCK)
