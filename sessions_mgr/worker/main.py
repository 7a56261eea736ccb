"""The life of one worker: prepare, connect, report, end. One process, one account, one life.

    prepare   read the configuration, check the network, hold the folder, check the store
    connect   the engine runs in a thread and reports facts; each is on disk before it goes on
    report    the forwarder moves facts to the stream, the control thread sends heartbeats
    end       the first reason wins (`Life.end`); then close the line, drain, exit with its code

The process always ends through `os._exit`, because neonize leaves threads that never return, and
the kernel ends it (`last_resort`) when it takes longer than it may.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
import time
from typing import Any, NoReturn

from .. import stores
from ..engines import base
from ..engines.base import Engine, EngineError
from . import sandbox_guard
from .config import ConfigInvalid, WorkerConfig
from .control import Control
from .crumbs import left_behind
from .exits import Exit
from .forwarder import Forwarder
from .life import Life, Recorder
from .line import LOOK_SECONDS, LineWatch
from .logfile import begin_log, cap_log
from .operations import make_commands
from .spool import Spool
from .vitals import note, vitals

logger = logging.getLogger(__name__)

FIRST_LOGIN_SECONDS = 60.0  # from the phone's "yes" to the first login
MARGIN_SECONDS = 1.0  # what the kernel allows beyond the drain
# A callback gives the interpreter away at each write of the spool. It must get it back at once, not
# after Python's usual 5 ms: what a kill -9 can lose is what waits in between.
SWITCH_SECONDS = 0.0002


class Worker:
    """The parts of a life, wired."""

    def __init__(self, config: WorkerConfig, control_socket: socket.socket) -> None:
        self.config = config
        self.life = Life()
        self.control = Control(
            control_socket,
            interval=config.heartbeat_interval,
            beat=self._beat,
            on_order=self._on_order,
            on_orphaned=self._on_orphaned,
            on_failure=self._on_failure,
        )
        self.engine: Engine | None = None
        self.recorder: Recorder | None = None
        self.forwarder: Forwarder | None = None
        self.spool: Spool | None = None
        self._folder_lock = -1
        self._begun = False
        self._killed_at: float | None = None  # when the life before this one was last seen

    def live(self) -> Exit:
        """Everything up to the exit code. Never raises."""
        self.control.start()
        self.control.send({"type": "ready", "pid": os.getpid()})
        try:
            self._prepare()
            self._connect()
            self._wait_for_the_end()
        except base.EngineError as exc:
            self.life.end(_exit_for(exc), str(exc))
        except stores.StoreLocked as exc:
            self.life.end(Exit.STORE_LOCKED, str(exc))
        except (ConfigInvalid, sandbox_guard.WrongNetwork) as exc:
            self.life.end(Exit.CONFIG_INVALID, str(exc))
        except BaseException as exc:
            logger.critical("the worker failed", exc_info=True)
            self._on_failure(exc)
        try:
            self._finish()
        except Exception:
            logger.exception("could not end in order")
        return self.life.exit

    def _prepare(self) -> None:
        config = self.config
        sandbox_guard.check(
            trust_anchor=config.sandbox_trust_anchor,
            proxy_url=config.proxy_url,
            environment=sandbox_guard.initial_environment(),
        )
        folder = config.session_dir
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        me = {"pid": os.getpid(), "supervisor": os.getppid(), "node": config.node}
        self._folder_lock = stores.hold(folder, json.dumps(me | {"epoch": config.epoch}))
        self.spool = Spool(folder / stores.SPOOL)
        self.forwarder = Forwarder(spool=self.spool, config=config, on_failure=self._on_failure)
        self.forwarder.start()
        self.recorder = Recorder(config, self.spool, self.forwarder, self.life)
        self._killed_at = stores.begin_life(folder)
        self._begun = True
        for crash in left_behind(folder):
            if self._killed_at is not None:
                self.recorder(crash)
        if config.store_url:
            return  # nothing of the engine's is in the folder
        try:
            stores.check(folder)
        except stores.StoreDamaged as exc:
            self._tell_of_kill()
            self.recorder(base.StoreCorrupt(detail=str(exc)))
            return
        stores.keep_copy(folder)

    def _connect(self) -> None:
        if self.life.over(0) or self.recorder is None or self.forwarder is None:
            return
        if self.config.mode == "unlink":
            if self.config.engine == "neonize" and not self.config.has_credentials():
                self.life.end(Exit.UNLINKED, "there was nothing to unlink")
                return
            self._start("unlink", self._unlink)
        linked = self.config.has_credentials()
        self.engine = _make_engine(self.config)
        if linked and not self.engine.recovered:
            self._tell_of_kill()
        self.forwarder.serve(
            make_commands(self.config, self.engine, tell=self.recorder, on_failure=self._on_failure)
        )
        self._start("engine", self._run_engine)

    def _tell_of_kill(self) -> None:
        """The life before this one was killed, and what it had in hand may be gone."""
        if self._killed_at is not None and self.recorder is not None:
            self.recorder(base.LifeCutShort(last_alive_at=self._killed_at))

    def _wait_for_the_end(self) -> None:
        """Returns when the life is over; ends it when nobody pairs or the first login hangs."""
        assert self.recorder is not None
        pairs = not self.config.has_credentials()
        give_up_at = time.monotonic() + self.config.pairing_timeout
        while pairs and not self.recorder.connected.is_set():
            if self.recorder.paired_at is not None:
                give_up_at = self.recorder.paired_at + FIRST_LOGIN_SECONDS
            if self.life.over(min(1.0, max(0.0, give_up_at - time.monotonic()))):
                return
            if time.monotonic() >= give_up_at:
                self._give_up_pairing()
                return
        self._watch_the_line()

    def _watch_the_line(self) -> None:
        """Returns when the life is over; ends it when the line stays down."""
        watch = LineWatch(self.config.line_timeout, time.monotonic())
        while not self.life.over(LOOK_SECONDS):
            alive = self.engine is not None and self.engine.health().socket_alive
            if watch.is_lost(alive, time.monotonic()):
                detail = f"the line was down for {self.config.line_timeout:g} s"
                self.life.end(Exit.LINE_UNREACHABLE, detail)

    def _give_up_pairing(self) -> None:
        assert self.recorder is not None
        if self.recorder.paired_at is not None:
            self.life.end(Exit.LINE_UNREACHABLE, "no login after the pairing")
        elif self.recorder.code_shown:
            self.recorder(base.PairingExpired())
        else:
            self.life.end(Exit.LINE_UNREACHABLE, "WhatsApp sent no code")

    def _run_engine(self) -> None:
        assert self.engine is not None and self.recorder is not None
        try:
            self.engine.run(self.recorder)
            self.life.end(Exit.INTERNAL, "the engine returned by itself")
        except EngineError as exc:
            self.life.end(_exit_for(exc), str(exc))
        except BaseException as exc:
            logger.critical("the engine failed", exc_info=True)
            self._on_failure(exc)

    def _unlink(self) -> None:
        assert self.recorder is not None
        self.recorder.connected.wait()
        try:
            if self.engine is not None:
                self.engine.unlink()
        except Exception as exc:  # noqa: BLE001 - the supervisor tries again or gives up
            self.life.end(Exit.LINE_UNREACHABLE, f"could not unlink: {exc}")

    def _finish(self) -> None:
        """Close the line, deliver what is left, within the drain timeout."""
        seconds = self.config.drain_timeout
        until = time.monotonic() + seconds
        self.control.finish(seconds + MARGIN_SECONDS)
        logger.info("ending: %s %s", self.life.exit.name, self.life.detail)
        self.control.send(
            {"type": "ending", "exit": self.life.exit.name.lower(), "detail": self.life.detail}
        )
        in_order = self.life.exit is not Exit.INTERNAL
        if self.engine is not None:
            drain = in_order
            engine = self.engine
            stopping = self._start("stop", lambda: engine.stop(drain=drain))
            stopping.join(max(0.0, until - time.monotonic()))
            if stopping.is_alive():
                logger.warning("the engine did not stop within %s s", seconds)
                in_order = False
        if self._begun and in_order and self._folder_is_ours():
            stores.end_life(self.config.session_dir)
        if self.forwarder is not None and not self.forwarder.flush(until - time.monotonic()):
            logger.warning("the spool was not forwarded completely; the next worker goes on")

    # What the control thread calls ----------------------------------------------------------

    def _beat(self) -> dict[str, Any]:
        cap_log(self.config.session_dir / stores.LOG)
        if self._folder_lock >= 0 and not self._folder_is_ours():
            logger.critical("the session's folder was removed while it ran")
            self.life.end(Exit.STORE_CORRUPT, "the session's folder was removed while it ran")
        elif self._begun:
            stores.still_alive(self.config.session_dir)
        health = self.engine.health() if self.engine else base.LineHealth(False, False, None)
        return {
            **note(vitals()),
            "socket_alive": health.socket_alive,
            "logged_in": health.logged_in,
            "last_seen_at": health.last_seen_at,
            "spooled": len(self.spool) if self.spool else 0,
        }

    def _folder_is_ours(self) -> bool:
        try:
            there = (self.config.session_dir / stores.LOCK).stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._folder_lock))

    def _on_order(self, order: str) -> None:
        if order == "stop":
            self.life.end(Exit.STOPPED, "on order")
        elif order == "unlink":
            self._start("unlink", self._unlink)
        else:
            logger.warning("the supervisor said %r", order)

    def _on_orphaned(self) -> None:
        self.control.finish(self.config.drain_timeout + MARGIN_SECONDS)
        self.life.end(Exit.SUPERVISOR_GONE, "the supervisor is gone")

    def _on_failure(self, error: BaseException) -> None:
        self.life.end(Exit.INTERNAL, f"{type(error).__name__}: {error}")

    @staticmethod
    def _start(name: str, target: Any) -> threading.Thread:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread


def main(config_fd: int, control_fd: int) -> NoReturn:
    """Live one life and end the process with its exit code."""
    exit_code = Exit.INTERNAL
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        control_socket = socket.socket(fileno=control_fd)
        try:
            config = WorkerConfig.from_fd(config_fd)
        except ConfigInvalid as exc:
            exit_code = Exit.CONFIG_INVALID
            ending = {"type": "ending", "exit": exit_code.name.lower(), "detail": str(exc)}
            control_socket.sendall(json.dumps(ending).encode() + b"\n")
        else:
            begin_log(config)
            exit_code = Worker(config, control_socket).live()
    finally:
        logging.shutdown()
        os._exit(exit_code)


def _make_engine(config: WorkerConfig) -> Engine:
    # Imported here: one of them loads a Go runtime, which only its own worker may have.
    if config.engine == "scripted":
        from ..engines.scripted import ScriptedEngine

        return ScriptedEngine.from_config(config.for_engine())
    from ..engines.neonize_engine import NeonizeEngine

    return NeonizeEngine(config.for_engine())


def _exit_for(error: EngineError) -> Exit:
    return Exit.LINE_UNREACHABLE if error.code == "line_unreachable" else Exit.INTERNAL
