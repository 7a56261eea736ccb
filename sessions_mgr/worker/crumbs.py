"""Which operations of the engine are running, kept where a crash does not take it away.

A panic in Go ends the process at once, with no word of what it was doing. So each call into the
engine leaves a note before it begins and takes it away after; the next life finds the notes that
stayed. A plain write is enough: the notes have to survive the process, not the machine.
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..engines.base import EngineCrashed

logger = logging.getLogger(__name__)

FILE = "running.json"
SUBJECT_CHARACTERS = 200


class Crumbs:
    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._lock = threading.Lock()
        self._running: dict[int, dict[str, Any]] = {}
        self._numbers = itertools.count()

    @contextmanager
    def around(self, op: str, subject: str) -> Iterator[None]:
        """Note `op` for as long as it runs."""
        with self._lock:
            number = next(self._numbers)
            note = {"op": op, "subject": subject[:SUBJECT_CHARACTERS], "at": time.time()}
            self._running[number] = note
            self._write()
        try:
            yield
        finally:
            with self._lock:
                del self._running[number]
                self._write()

    def _write(self) -> None:
        self._file.write_text(json.dumps(list(self._running.values())))


def left_behind(folder: Path) -> list[EngineCrashed]:
    """What was running when the life before this one ended; forgets it."""
    file = folder / FILE
    try:
        notes = json.loads(file.read_text())
    except FileNotFoundError:
        return []
    except ValueError:  # killed in the middle of the write
        notes = []
    file.unlink()
    return [
        EngineCrashed(op=str(note["op"]), subject=str(note["subject"]), at=float(note["at"]))
        for note in notes
    ]
