"""The worker's end of the control stream: heartbeats out, orders in, and what EOF means.

One thread owns the socket. It also winds the dead man's switch: a kernel timer whose signal has no
handler, so that a worker whose Python is stuck dies without any help of its own.
"""

from __future__ import annotations

import contextlib
import json
import logging
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

_BACKLOG_LIMIT = 64 * 1024  # a supervisor that does not read loses heartbeats, not our memory


def last_resort(seconds: float) -> None:
    """The kernel ends this process after `seconds`, whatever its threads are doing by then."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


class Control:
    """`on_order` gets "stop" or "unlink"; `on_orphaned` is called once, when the supervisor went.

    `on_failure` gets the exception when this thread itself could not go on. `beat` returns what a
    heartbeat says. After `finish` no heartbeat winds the switch again.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        interval: float,
        beat: Callable[[], dict[str, Any]],
        on_order: Callable[[str], None],
        on_orphaned: Callable[[], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._sock = sock
        self._sock.setblocking(False)
        self._interval = interval
        self._beat = beat
        self._on_order = on_order
        self._on_orphaned = on_orphaned
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._backlog = b""
        self._finishing = False

    def start(self) -> None:
        threading.Thread(target=self._run, name="control", daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        """Say something to the supervisor. Never blocks, never raises: it may be gone."""
        with self._lock:
            if len(self._backlog) < _BACKLOG_LIMIT:
                self._backlog += json.dumps(message).encode() + b"\n"
            with contextlib.suppress(OSError):
                self._backlog = self._backlog[self._sock.send(self._backlog) :]

    def finish(self, seconds: float) -> None:
        """The worker is ending by itself and has this long to do it."""
        self._finishing = True
        last_resort(seconds)

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as exc:  # without this thread nobody could stop us
            logger.critical("the control thread failed", exc_info=True)
            self._on_failure(exc)

    def _serve(self) -> None:
        inbox = b""
        next_beat = time.monotonic()
        while True:
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + self._interval
                self._wind()
                self.send({"type": "heartbeat", **self._beat()})
            timeout = max(0.0, next_beat - time.monotonic())
            if not select.select([self._sock], [], [], timeout)[0]:
                continue
            try:
                received = self._sock.recv(4096)
            except BlockingIOError:
                continue  # select was too hopeful; it is asked again
            except OSError:
                received = b""  # a broken pipe is one without a supervisor
            if not received:
                self._on_orphaned()
                return
            *lines, inbox = (inbox + received).split(b"\n")
            for line in lines:
                self._on_order(str(json.loads(line).get("type")))

    def _wind(self) -> None:
        if not self._finishing:
            last_resort(max(60.0, 6 * self._interval))
