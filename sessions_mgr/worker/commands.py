"""What a worker answers on cmd.<account>: finds the operation, puts a deadline, words the errors.

The operations themselves are grouped by noun: sending.py, transfers.py, people.py, groups.py. Runs
on the threads of a small pool.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from ..engines.base import Engine, EngineError
from .config import WorkerConfig
from .crumbs import Crumbs
from .deadlines import Deadlines
from .vitals import history, vitals

logger = logging.getLogger(__name__)

Operation = Callable[[dict[str, Any]], dict[str, Any]]

# Operations that ask the engine: how long each may take, in seconds, unless `timeout` in its
# arguments says less. They are noted before they begin (crumbs.py) and refused without a login.
SECONDS = {
    "picture": 2.0,
    "check_numbers": 10.0,
    "contact_names": 5.0,
    "presence": 5.0,
    "typing": 5.0,
    "mark_read": 10.0,
    "download_begin": 120.0,
    "group_list": 15.0,
    "group_info": 10.0,
    "group_create": 15.0,
    "group_participants": 15.0,
    "group_update": 20.0,
    "group_picture": 15.0,
    "group_invite": 10.0,
    "group_join": 15.0,
    "group_leave": 15.0,
    "group_requests": 10.0,
    "group_decide": 15.0,
}
# What such an operation is about, in its arguments.
_SUBJECTS = ("jid", "to", "chat", "media_id", "code")


@runtime_checkable
class CanPanic(Protocol):
    def panic(self) -> None: ...


class Commands:
    def __init__(
        self,
        config: WorkerConfig,
        engine: Engine,
        crumbs: Crumbs,
        *groups: Mapping[str, Operation],
    ) -> None:
        self._config = config
        self._engine = engine
        self._crumbs = crumbs
        self._deadlines = Deadlines()
        self._operations: dict[str, Operation] = {
            "health": self._health,
            "pair_phone": self._pair_phone,
            "panic": self._panic,
        }
        for group in groups:
            self._operations.update(group)

    def answer(self, request: bytes) -> bytes:
        """The reply to one request. Never raises."""
        try:
            result = self._perform(request)
            reply: dict[str, Any] = {"ok": True, "result": result}
        except EngineError as exc:
            error = {**exc.extra, "code": exc.code, "detail": str(exc)}
            reply = {"ok": False, "error": error}
        except Exception as exc:
            logger.exception("a command failed")
            detail = f"{type(exc).__name__}: {exc}"
            reply = {"ok": False, "error": {"code": "internal", "detail": detail}}
        return json.dumps(reply).encode()

    def _perform(self, request: bytes) -> dict[str, Any]:
        try:
            parsed = json.loads(request)
            operation, args = parsed["op"], parsed.get("args") or {}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise EngineError("invalid_request", "a request is {op, args}") from None
        if operation not in self._operations or not isinstance(args, dict):
            raise EngineError("unknown_op", f"no operation {operation!r:.80}")
        try:
            return self._run(operation, args)
        except KeyError as exc:
            raise EngineError("invalid_request", f"{operation} needs {exc}") from exc
        except (TypeError, ValueError) as exc:
            logger.warning("a command failed", exc_info=True)
            raise EngineError("invalid_request", f"{operation}: {exc}") from exc

    def _run(self, operation: str, args: dict[str, Any]) -> dict[str, Any]:
        perform = self._operations[operation]
        if operation not in SECONDS:
            return perform(args)
        if not self._engine.health().logged_in:
            raise EngineError("not_connected", "this number is not connected")
        seconds = min(float(args.get("timeout", SECONDS[operation])), SECONDS[operation])
        subject = next((str(args[name]) for name in _SUBJECTS if args.get(name)), "")

        def noted() -> dict[str, Any]:
            with self._crumbs.around(operation, subject):
                return perform(args)

        return self._deadlines.call(seconds, noted)

    def _health(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "node": self._config.node,
            "engine": self._engine.name,
            "capabilities": dataclasses.asdict(self._engine.capabilities),
            "epoch": self._config.epoch,
            **vitals(),
            "rss_history": history(),
            **dataclasses.asdict(self._engine.health()),
        }

    def _pair_phone(self, args: dict[str, Any]) -> dict[str, Any]:
        return dataclasses.asdict(self._engine.pair_phone(str(args["phone_number"])))

    def _panic(self, args: dict[str, Any]) -> dict[str, Any]:
        """Die as a Go panic does; `during` names the operation that is to blame."""
        if not self._config.sandbox_trust_anchor or not isinstance(self._engine, CanPanic):
            raise EngineError("not_allowed", "only a sandbox worker can be told to crash")
        logger.warning("told to crash")
        with self._crumbs.around(str(args.get("during", "panic")), str(args.get("jid", ""))):
            self._engine.panic()
        return {}
