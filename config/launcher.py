"""Starts the product's processes as children, keeps them running, and stops them in order.

The launcher holds no state: every child could be started by systemd or Kubernetes instead. A child
that dies is started again after a rest; a second signal, or the deadline, kills what is left.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

logger = logging.getLogger(__name__)

STOP_DEADLINE = 9.0  # seconds for all children together
TICK = 0.25  # seconds between looks at the children
STEADY = 30.0  # seconds after which a child has earned a clean slate
LONGEST_REST = 5.0  # seconds before a dead child is started again
PR_SET_PDEATHSIG = 1


def die_with_launcher() -> None:
    """Runs in the child: on Linux the kernel ends it when the launcher dies, even by kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One process to keep. `command` is asked at each start, as a configuration may change."""

    name: str
    command: Callable[[], Sequence[str]]
    patience: float = 3.0  # seconds between TERM and KILL
    at_once: bool = False  # told to stop first of all, as nothing else depends on it
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    rest_until: float = 0.0
    clean: bool = field(default=True)

    def start(self) -> None:
        self.process = subprocess.Popen(
            list(self.command()),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the launcher, which stops them in order
            preexec_fn=die_with_launcher,
        )
        self.started = time.monotonic()
        logger.info("started %s (pid %d)", self.name, self.process.pid)

    def ended(self) -> int | None:
        return self.process.poll() if self.process else None


class Launcher:
    """`children` start in order and stop in reverse."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = list(children)
        self.signals: SimpleQueue[int] = SimpleQueue()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _frame: self.signals.put(received))

    @property
    def stopping(self) -> bool:
        return not self.signals.empty()

    def start(self, child: Child, ready: Callable[[], bool], deadline: float) -> bool:
        """Start and wait until `ready`. False when a signal or the deadline came first."""
        child.start()
        until = time.monotonic() + deadline
        while not ready():
            if self.stopping or time.monotonic() > until or child.ended() is not None:
                return False
            time.sleep(0.02)
        return True

    def watch(self) -> None:
        """Keep the children running until a signal arrives."""
        while True:
            with suppress(Empty):
                received = self.signals.get(timeout=TICK)
                logger.info("%s: stopping", signal.Signals(received).name)
                return
            for child in self.children:
                self._revive(child)

    def _revive(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.rest_until:
                child.start()
            return
        code = child.ended()
        if code is None:
            if child.failures and now - child.started > STEADY:
                child.failures = 0
            return
        child.failures += 1
        rest = min(LONGEST_REST, 0.2 * 2 ** (child.failures - 1))
        logger.error("%s ended with %s; next start in %.1f s", child.name, code, rest)
        child.process, child.rest_until = None, now + rest

    def stop(self) -> bool:
        """End every child, last started first. True when all ended by themselves in time."""
        deadline = time.monotonic() + STOP_DEADLINE
        for child in self.children:
            if child.at_once and child.process is not None and child.ended() is None:
                child.process.terminate()
        for child in reversed(self.children):
            if child.process is not None:
                self._end(child, min(deadline, time.monotonic() + child.patience))
        return all(child.clean for child in self.children)

    def _end(self, child: Child, until: float) -> None:
        assert child.process is not None
        if child.ended() is None and not child.at_once:
            child.process.terminate()
        try:
            child.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.error("%s did not stop in time, killing it", child.name)
            child.clean = False
            with suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
