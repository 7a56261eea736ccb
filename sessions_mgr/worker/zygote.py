"""`python -m sessions_mgr.worker.zygote --control-fd N`: the process that workers are forked from.

It has imported everything a worker needs except the Go library, which does not survive a fork; the
memory of these imports is shared by all workers. It stays single-threaded, serves one socket:

    -> {"op": "spawn", "id"} with three descriptors: config, control, stderr
    -> {"op": "lease", "until"}: after this moment of the lease's clock no worker may live here
    <- {"spawned": id, "pid"}            <- {"exited": pid, "status": code, or minus the signal}

and ends when that socket does. Its workers then live or end by their own control streams.
Nothing here knows Django or a database.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import fcntl
import gc
import json
import os
import random
import select
import signal
import socket
import sys
from typing import Any, NoReturn

from ..engines import neonize_engine as _neonize  # noqa: F401 - shared by the forks
from ..engines import neonize_library
from ..engines import scripted as _scripted  # noqa: F401 - shared by the forks
from ..ownership import clock
from . import main as worker_main
from .exits import Exit

FDS_PER_WORKER = 3
_STDERR, _CONFIG, _CONTROL = 2, 3, 4  # where a worker finds its descriptors


class Zygote:
    def __init__(self, supervisor: socket.socket) -> None:
        self._supervisor = supervisor
        self._inbox = b""
        self._fds: list[int] = []
        self._until: float | None = None  # None: nobody has spoken of a lease
        self._pids: set[int] = set()
        self._wake_out, self._wake_in = socket.socketpair()
        for sock in (self._wake_out, self._wake_in):
            sock.setblocking(False)

    def serve(self) -> None:
        """Returns when the supervisor is gone."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_in.fileno(), warn_on_full_buffer=False)
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)  # the supervisor decides
        while True:
            ready, _, _ = select.select(
                [self._supervisor, self._wake_out], [], [], self._patience()
            )
            if self._wake_out in ready:
                self._drain_wakeups()
            self._reap()
            self._fence()
            if self._supervisor in ready and not self._read():
                return

    def _read(self) -> bool:
        """Take what the supervisor sent. False at its end."""
        try:
            data, ancillary, _, _ = self._supervisor.recvmsg(
                65536, socket.CMSG_SPACE(FDS_PER_WORKER * 4)
            )
        except ConnectionError:
            return False
        for level, kind, raw in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(raw[: len(raw) - len(raw) % fds.itemsize])
                self._fds.extend(fds)
        if not data:
            return False
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if request["op"] == "lease":
                self._until = float(request["until"])
            else:
                self._spawn(request)
        return True

    def _patience(self) -> float | None:
        if self._until is None or not self._pids:
            return None
        return max(0.0, self._until - clock.now())

    def _is_over(self) -> bool:
        return self._until is not None and clock.now() >= self._until

    def _fence(self) -> None:
        """The node did not renew its lease, or hangs and cannot even notice: end what we forked."""
        if self._is_over():
            for pid in self._pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._pids.clear()

    def _spawn(self, request: dict[str, Any]) -> None:
        mine, self._fds = self._fds[:FDS_PER_WORKER], self._fds[FDS_PER_WORKER:]
        config_fd, control_fd, stderr_fd = mine
        pid = os.fork()
        if pid == 0:
            if self._is_over():
                os._exit(Exit.SUPERVISOR_GONE)
            self._become_worker(config_fd, control_fd, stderr_fd)
        self._pids.add(pid)
        for fd in mine:
            os.close(fd)
        self._tell({"spawned": request["id"], "pid": pid})

    def _become_worker(self, config_fd: int, control_fd: int, stderr_fd: int) -> NoReturn:
        """In the child: keep the three descriptors and nothing else of the zygote."""
        try:
            signal.set_wakeup_fd(-1)
            # SIGTERM and the like stay ignored: systemd sends them to the whole group, and a
            # worker that dies of one could not drain. It ends by its control stream.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for sock in (self._supervisor, self._wake_in, self._wake_out):
                sock.detach()  # their numbers get a new meaning below
            # First above the range they shall end in, or one could overwrite another.
            parked = [_park(fd) for fd in (stderr_fd, config_fd, control_fd)]
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(nothing, 1)  # Go and neonize print there
            for fd, place in zip(parked, (_STDERR, _CONFIG, _CONTROL), strict=True):
                os.dup2(fd, place, inheritable=False)
            _close_from(_CONTROL + 1)
            random.seed()
            worker_main.main(_CONFIG, _CONTROL)
        finally:
            os._exit(70)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._pids.discard(pid)
            self._tell({"exited": pid, "status": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # the next read sees it
            self._supervisor.sendall(json.dumps(message).encode() + b"\n")

    def _drain_wakeups(self) -> None:
        try:
            while self._wake_out.recv(4096):
                pass  # the bytes only woke us up
        except BlockingIOError:
            pass  # all are read


def _park(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64)


def _close_from(first: int) -> None:
    with os.scandir("/dev/fd") as entries:
        fds = [int(entry.name) for entry in entries]
    for fd in fds:
        if fd >= first:
            with contextlib.suppress(OSError):  # the one that listed them
                os.close(fd)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--control-fd", type=int, required=True)
    supervisor = socket.socket(fileno=parser.parse_args().control_fd)
    supervisor.set_inheritable(False)
    neonize_library.preload()
    gc.collect()
    gc.freeze()  # the collector must not write to pages that all workers share
    Zygote(supervisor).serve()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
