"""What a storage may be beside a folder: a bucket. Its own errors, and reading a part of a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import IO, Any

BLOCK = 262_144  # bytes read at once


class StorageFailed(OSError):
    """The storage does not do what it is asked for."""


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """What the storage raises, as an OSError. A file that is not there stays FileNotFoundError."""
    try:
        yield
    except OSError:
        raise
    except Exception as exc:
        # Those of boto have no base of their own, and importing them costs every process 10 MB.
        if type(exc).__module__.partition(".")[0] not in ("boto3", "botocore", "s3transfer"):
            raise
        raise StorageFailed(f"the storage failed: {exc}") from exc


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
