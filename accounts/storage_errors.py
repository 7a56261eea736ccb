"""What a storage of files raises: a folder, or a bucket that has errors of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class StorageFailed(OSError):
    """The storage does not do what it is asked for."""


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """What the storage raises, as StorageFailed. A file that is not there is FileNotFoundError."""
    try:
        yield
    except (FileNotFoundError, StorageFailed):
        raise
    except OSError as exc:
        raise StorageFailed(f"the storage failed: {exc}") from exc
    except Exception as exc:
        # Those of boto have no base of their own, and importing them costs every process 10 MB.
        if type(exc).__module__.partition(".")[0] not in ("boto3", "botocore", "s3transfer"):
            raise
        if _is_not_there(exc):
            raise FileNotFoundError(str(exc)) from exc
        raise StorageFailed(f"the storage failed: {exc}") from exc


def _is_not_there(exc: Exception) -> bool:
    """Of boto's errors: what HEAD and GET say of an object that is not, or no longer, there."""
    said = getattr(exc, "response", {}).get("Error", {})
    return said.get("Code") in ("404", "NoSuchKey")
