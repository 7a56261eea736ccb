"""Other processes, named so that a reused pid is not mistaken for the one that had it before."""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

logger = logging.getLogger(__name__)

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """None when there is no such process any more."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def alive(self) -> bool:
        """Whether it still runs. A zombie does not."""
        try:
            process = psutil.Process(self.pid)
            same = process.create_time() == self.started
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def kill(self) -> None:
        """SIGKILL, if it is still the same process."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def adopt_orphans() -> bool:
    """Become the parent of children's children whose parent died. False where that is unknown."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def dead_children() -> set[int]:
    """Children of ours, adopted ones too, that have ended and that nobody has waited for yet."""
    dead = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() == psutil.STATUS_ZOMBIE:
                dead.add(child.pid)
    return dead


def wait_for(pid: int, seconds: float) -> int | None:
    """The exit status of an adopted child, minus the signal. None when it is not ours, or lives."""
    until = time.monotonic() + seconds
    while True:
        try:
            done, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= until:
            return None
        time.sleep(0.005)


def kill_orphan(lock: Path, command: str) -> bool:
    """Kill a worker of a node that is gone and that cannot end by itself, e.g. a stopped one.

    `lock` is the file in which the worker left its pid. It dies when it runs `command`, and its
    parent is neither a process of the same kind nor we: then its own parent has died. False when
    there is nothing of the kind.
    """
    try:
        pid = int(json.loads(lock.read_text())["pid"])
        process = psutil.Process(pid)
        started = process.create_time()
        if command not in process.cmdline():
            return False
        parent = process.parent()
        if parent is not None and command in parent.cmdline():
            return False
        if parent is not None and parent.pid == os.getpid():
            return False  # adopted by us, and in our books
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError, ValueError, KeyError, TypeError):
        return False
    logger.warning("killing process %s, which a former node has left behind", pid)
    Process(pid, started).kill()
    return True
