"""The worker's log: its stderr, a file in the session's folder that cannot grow for ever.

Go writes panics to the same descriptor, which is why the file is cut in place and never reopened.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from .config import WorkerConfig

MAX_BYTES = 2 * 2**20
KEEP_BYTES = 256 * 2**10
_CRASH_WORDS = (b"panic:", b"fatal error:", b"SIGSEGV:", b"SIGABRT:")


def begin_log(config: WorkerConfig) -> None:
    where = f"workspace={config.workspace_id} account={config.account_id} epoch={config.epoch}"
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=f"%(asctime)s %(levelname)s %(name)s %(message)s {where}",
        force=True,
    )
    logging.getLogger(__name__).info("life begins: pid %s", os.getpid())


def open_log(path: Path) -> int:
    """A descriptor to append to; what a former life left too long is moved aside once."""
    if path.exists() and path.stat().st_size > MAX_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def cap_log(path: Path, fd: int = 2) -> None:
    """Cut the log behind `fd` when it is too long; its end stays in `path`.1."""
    size = os.fstat(fd).st_size
    if size <= MAX_BYTES or not path.exists():
        return
    with path.open("rb") as log:
        log.seek(-KEEP_BYTES, os.SEEK_END)
        path.with_name(path.name + ".1").write_bytes(log.read())
    os.ftruncate(fd, 0)


def crash_line(path: Path, offset: int) -> str:
    """The first line of a Go panic that a life wrote after `offset`, "" when there is none."""
    try:
        with path.open("rb") as log:
            log.seek(offset if offset <= path.stat().st_size else 0)
            for line in log:
                if line.startswith(_CRASH_WORDS):
                    return line.decode(errors="replace").strip()[:300]
    except FileNotFoundError:
        pass  # the life ended before it wrote a line
    return ""
