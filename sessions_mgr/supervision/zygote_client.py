"""Worker processes through a zygote: spawns, listens on every control stream, says who ended.

The zygote is the parent of the workers and reports their ends. When the zygote itself dies, its
workers run on undisturbed: on Linux they become our children, elsewhere the end of their control
stream is the sign; a new zygote starts at once and serves the next spawns.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from ..lines import about
from ..worker.logfile import crash_line, open_log
from .contracts import Assignment, Ended, Heard
from .processes import Process, adopt_orphans, dead_children, wait_for

logger = logging.getLogger(__name__)

MODULE = "sessions_mgr.worker.zygote"
PROJECT = Path(__file__).resolve().parents[2]
RESTART_SECONDS = 1.0  # between two starts of a zygote that does not stay
REAP_SECONDS = 1.0  # from the end of a control stream to the end of its process
STRANGERS_SECONDS = 30.0  # between two looks for the dead that are in no book


@dataclass(slots=True)
class _Zygote:
    process: subprocess.Popen[bytes]
    channel: socket.socket
    inbox: bytes = b""
    dead: bool = False


@dataclass(slots=True)
class _Child:
    account: UUID
    zygote: _Zygote
    control: socket.socket
    log: Path
    log_start: int
    process: Process | None = None
    inbox: bytes = b""
    said: str = ""
    detail: str = ""
    hung_up: bool = False


class ZygoteWorkers:
    def __init__(self, environment: Mapping[str, str], *, log: Path | None = None) -> None:
        self._environment = dict(environment)
        self._log = log  # stderr of the zygote itself; ours when there is none
        self._children: dict[UUID, _Child] = {}
        self._zygote: _Zygote | None = None
        self._not_before = 0.0
        self._speaking = threading.Lock()  # one message at a time into the zygote's channel
        self._lease_until: float | None = None
        self._reports: list[Heard | Ended] = []
        self._next_look = 0.0
        self._strangers: set[int] = set()  # dead at the last look, and in no book
        self._selector = selectors.DefaultSelector()
        self._wake_out, self._wake_in = socket.socketpair()
        for sock in (self._wake_out, self._wake_in):
            sock.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ, self._on_wake)
        adopt_orphans()

    # What the supervisor calls ------------------------------------------------------------------

    def start(self) -> None:
        """Start the zygote ahead of the first spawn."""
        self._living_zygote()

    def spawn(self, account: UUID, assignment: Assignment) -> None:
        """Raises OSError when no zygote can be reached; nothing runs then."""
        if account in self._children:
            raise RuntimeError(f"account {account} has a worker")
        zygote = self._living_zygote()
        ours, theirs = socket.socketpair()
        config_out, config_in = os.pipe()
        log = open_log(assignment.log)
        try:
            with os.fdopen(config_in, "wb") as pipe:
                pipe.write(_small(assignment.document.encode()))
            request = json.dumps({"op": "spawn", "id": str(account)}).encode() + b"\n"
            with self._speaking:
                socket.send_fds(zygote.channel, [request], [config_out, theirs.fileno(), log])
        except BaseException:
            ours.close()
            raise
        finally:
            log_start = os.fstat(log).st_size
            theirs.close()
            os.close(config_out)
            os.close(log)
        ours.setblocking(False)
        child = _Child(account, zygote, ours, assignment.log, log_start)
        self._children[account] = child
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._on_control(child))

    def stop(self, account: UUID) -> None:
        self._say(account, "stop")

    def unlink(self, account: UUID) -> None:
        self._say(account, "unlink")

    def kill(self, account: UUID) -> None:
        child = self._children.get(account)
        if child is None:
            return  # its end is among the next reports
        if child.process is not None:
            child.process.kill()
        elif self._zygote is not None:
            logger.error("the zygote does not answer, killing it")
            self._zygote.process.kill()

    def live_until(self, moment: float) -> None:
        """The zygote ends all workers at this moment of the lease's clock, unless told a later one.

        From any thread.
        """
        self._lease_until = moment
        if (zygote := self._zygote) is not None:
            self._tell_lease(zygote)

    def poll(self, timeout: float) -> Sequence[Heard | Ended]:
        for key, _ in self._selector.select(0.0 if self._reports else timeout):
            key.data()
        self._bury_orphans()
        self._bury_strangers()
        if self._zygote is None and time.monotonic() >= self._not_before:
            try:
                self._living_zygote()
            except OSError as exc:
                logger.error("cannot start a zygote: %s", exc)
        reports, self._reports = self._reports, []
        return reports

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it is awake
            self._wake_in.send(b"x")

    def change_environment(self, environment: Mapping[str, str]) -> None:
        """The next workers start in this environment; the present ones are not touched."""
        self._environment = dict(environment)
        self._not_before = 0.0
        if (zygote := self._zygote) is not None:
            zygote.channel.shutdown(socket.SHUT_WR)
            while not zygote.dead:  # it ends at once
                self._on_zygote(zygote)

    def close(self) -> None:
        """End the zygote and, by the end of their control streams, all workers."""
        for child in self._children.values():
            child.control.close()
        if self._zygote is not None:
            self._zygote.channel.close()
            try:
                self._zygote.process.wait(2.0)
            except subprocess.TimeoutExpired:
                self._zygote.process.kill()
                self._zygote.process.wait()
            self._zygote = None
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def process_of(self, account: UUID) -> Process | None:
        """The account's worker, None while it has none that we know the pid of."""
        child = self._children.get(account)
        return child.process if child else None

    @property
    def zygote_pid(self) -> int | None:
        return self._zygote.process.pid if self._zygote else None

    # The zygote -----------------------------------------------------------------------------------

    def _living_zygote(self) -> _Zygote:
        if self._zygote is not None:
            return self._zygote
        now = time.monotonic()
        if now < self._not_before:
            raise BlockingIOError("the zygote has just died, a new one follows")
        self._not_before = now + RESTART_SECONDS
        ours, theirs = socket.socketpair()
        log = open_log(self._log) if self._log else None
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", MODULE, "--control-fd", str(theirs.fileno())],
                env=self._environment,
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl+C is for us
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            if log is not None:
                os.close(log)
        zygote = self._zygote = _Zygote(process, ours)
        self._tell_lease(zygote)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._on_zygote(zygote))
        logger.info("zygote started, pid %d", process.pid)
        return zygote

    def _tell_lease(self, zygote: _Zygote) -> None:
        if self._lease_until is None:
            return
        message = json.dumps({"op": "lease", "until": self._lease_until}).encode() + b"\n"
        with self._speaking, contextlib.suppress(OSError):  # it is gone: the next one is told
            zygote.channel.sendall(message)

    def _on_zygote(self, zygote: _Zygote) -> None:
        try:
            received = zygote.channel.recv(65536)
        except ConnectionError:
            received = b""
        if not received:
            self._selector.unregister(zygote.channel)
            zygote.channel.close()
            zygote.dead = True
            self._zygote = None
            try:
                status = zygote.process.wait(1.0)
            except subprocess.TimeoutExpired:
                zygote.process.kill()
                status = zygote.process.wait()
            logger.error("the zygote ended with %s; its workers run on", status)
            return
        *lines, zygote.inbox = (zygote.inbox + received).split(b"\n")
        for message in map(json.loads, lines):
            if "spawned" in message:
                self._introduce(UUID(message["spawned"]), message["pid"])
            else:
                self._on_exit(message["exited"], message["status"])

    def _introduce(self, account: UUID, pid: int) -> None:
        child = self._children.get(account)
        if child is not None and child.process is None:
            # A process that is gone already cannot be confused with another one: its end is next.
            child.process = Process.of(pid) or Process(pid, 0.0)

    def _on_exit(self, pid: int, status: int) -> None:
        for child in self._children.values():
            if child.process is not None and child.process.pid == pid:
                self._bury(child, status)
                return

    # The workers ----------------------------------------------------------------------------------

    def _say(self, account: UUID, order: str) -> None:
        child = self._children.get(account)
        if child is None:
            return
        try:
            child.control.send(json.dumps({"type": order}).encode() + b"\n")
        except OSError as exc:  # it is gone, or stuck: its end or the grace will tell
            logger.info("could not say %s: %s", order, exc, extra=about(account))

    def _on_control(self, child: _Child) -> None:
        if child.hung_up:
            return  # buried by an earlier message of the same turn
        try:
            received = child.control.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            child.hung_up = True
            self._selector.unregister(child.control)
            return
        *lines, child.inbox = (child.inbox + received).split(b"\n")
        for line in lines:
            self._on_message(child, json.loads(line))

    def _on_message(self, child: _Child, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "ready":
                self._introduce(child.account, int(message["pid"]))
                self._reports.append(Heard(child.account))
            case "heartbeat":
                self._reports.append(Heard(child.account, int(message.get("rss_bytes", 0))))
            case "ending":
                child.said = str(message.get("exit", ""))
                child.detail = str(message.get("detail", ""))

    def _bury_orphans(self) -> None:
        """Ends that no zygote will report: of workers whose zygote died."""
        for child in [c for c in self._children.values() if c.hung_up and c.zygote.dead]:
            status = None
            if child.process is not None:
                status = wait_for(child.process.pid, REAP_SECONDS)
                if status is None and child.process.alive():
                    child.process.kill()
                    status = wait_for(child.process.pid, REAP_SECONDS)
            self._bury(child, status)

    def _bury_strangers(self) -> None:
        """What a worker had started and left behind is ours once the worker is dead: nobody else
        waits for its end. Who is still dead at the second look is waited for by nobody."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + STRANGERS_SECONDS
        known = {child.process.pid for child in self._children.values() if child.process}
        dead = dead_children() - known - {self.zygote_pid}
        for pid in dead & self._strangers:
            wait_for(pid, 0.0)
        self._strangers = dead - self._strangers

    def _bury(self, child: _Child, status: int | None) -> None:
        while not child.hung_up:  # its last words may still be in the socket
            self._on_control_blocking(child)
        child.control.close()
        del self._children[child.account]
        detail = child.detail
        if status is not None and status < 0:
            detail = crash_line(child.log, child.log_start) or detail
        self._reports.append(Ended(child.account, status, child.said, detail))

    def _on_control_blocking(self, child: _Child) -> None:
        before = child.inbox
        self._on_control(child)
        if not child.hung_up and child.inbox == before:
            child.hung_up = True  # nothing left to read
            self._selector.unregister(child.control)

    def _on_wake(self) -> None:
        try:
            while self._wake_out.recv(4096):
                pass  # the bytes only woke us up
        except BlockingIOError:
            pass  # all are read


def _small(document: bytes) -> bytes:
    if len(document) > 60_000:  # it has to fit into a pipe that nobody reads yet
        raise ValueError("the configuration of a worker is too large")
    return document
