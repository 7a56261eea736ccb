"""What arrives in bulk or takes a call into Go: done later, off the thread of the callbacks.

A history sync holds up to a hundred thousand messages, and each fact is one commit: done in the
callback, it would hold up the messages of now. So the callback stores it as a file, which a crash
does not take away, and a thread turns file after file into facts. Told twice after a crash is fine:
whoever stores messages knows them by their ids.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ulid import ULID

from . import base

logger = logging.getLogger(__name__)

HISTORY = "history"  # the folder in the work folder
WAITING_JOBS = 1000


class Backlog:
    """`translate` turns the bytes of a history into facts; `emit` is the engine's guarded one."""

    def __init__(
        self,
        work_dir: str,
        translate: Callable[[bytes], Iterator[base.EngineEvent]],
        emit: base.Emit,
    ) -> None:
        self._folder = Path(work_dir) / HISTORY if work_dir else None
        self._translate = translate
        self._emit = emit
        self._ended = threading.Event()
        self._files: queue.SimpleQueue[Path | bytes] = queue.SimpleQueue()
        self._jobs: queue.Queue[Callable[[], None]] = queue.Queue(WAITING_JOBS)
        self._started = False
        self._starting = threading.Lock()

    def start(self) -> None:
        """Begin, with what an earlier life left behind. Again: nothing."""
        with self._starting:
            if self._started:
                return
            self._started = True
            for file in self._left_behind():
                self._files.put(file)
        threading.Thread(target=self._read_histories, name="history", daemon=True).start()
        threading.Thread(target=self._do_jobs, name="asides", daemon=True).start()

    def stop(self) -> None:
        """What is not done stays as files; jobs are dropped."""
        self._ended.set()

    def keep(self, history: bytes) -> None:
        """Returns when the history would survive a crash; its facts follow."""
        if self._folder is None:
            self._files.put(history)
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        file = self._folder / f"{ULID()}.pb"
        partial = file.with_suffix(".part")
        with partial.open("wb") as target:
            target.write(history)
            target.flush()
            os.fsync(target.fileno())
        with self._starting:
            partial.rename(file)
            if self._started:  # otherwise `start` finds it
                self._files.put(file)

    def later(self, job: Callable[[], None]) -> None:
        """Do it on a thread of its own, one after the other. Dropped when far too many wait."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            logger.warning("too much to do, something was left out")

    def _left_behind(self) -> list[Path]:
        if self._folder is None or not self._folder.is_dir():
            return []
        for partial in self._folder.glob("*.part"):
            partial.unlink()
        return sorted(self._folder.glob("*.pb"))

    def _read_histories(self) -> None:
        while True:
            history = self._files.get()
            data = history.read_bytes() if isinstance(history, Path) else history
            told = 0
            try:
                for fact in self._translate(data):
                    if self._ended.is_set():
                        return  # the file is read again by the next life
                    self._emit(fact)
                    told += 1
            except Exception:
                logger.exception("a history could not be read to its end")
            logger.info("a history of %d bytes became %d facts", len(data), told)
            if isinstance(history, Path):
                history.unlink(missing_ok=True)

    def _do_jobs(self) -> None:
        while True:
            job = self._jobs.get()
            if self._ended.is_set():
                return
            try:
                job()
            except Exception:
                logger.exception("something that had time failed")
