"""What a worker answers on cmd.<account>: one function per operation, errors with a code.

Runs on the threads of a small pool; an engine call may block for as long as WhatsApp takes.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from ..engines.base import Engine, EngineError
from .config import WorkerConfig
from .vitals import vitals

logger = logging.getLogger(__name__)


@runtime_checkable
class CanPanic(Protocol):
    def panic(self) -> None: ...


class Commands:
    def __init__(self, config: WorkerConfig, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "health": self._health,
            "pair_phone": self._pair_phone,
            "send_text": self._send_text,
            "panic": self._panic,
        }

    def answer(self, request: bytes) -> bytes:
        """The reply to one request. Never raises."""
        try:
            result = self._perform(request)
            reply: dict[str, Any] = {"ok": True, "result": result}
        except EngineError as exc:
            reply = {"ok": False, "error": {"code": exc.code, "detail": str(exc)}}
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
        if operation not in self._operations:
            raise EngineError("unknown_op", f"no operation {operation!r}")
        try:
            return self._operations[operation](args)
        except KeyError as exc:
            raise EngineError("invalid_request", f"{operation} needs {exc}") from exc

    def _health(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "node": self._config.node,
            "engine": self._engine.name,
            "capabilities": dataclasses.asdict(self._engine.capabilities),
            "epoch": self._config.epoch,
            **vitals(),
            **dataclasses.asdict(self._engine.health()),
        }

    def _pair_phone(self, args: dict[str, Any]) -> dict[str, Any]:
        return dataclasses.asdict(self._engine.pair_phone(str(args["phone_number"])))

    def _send_text(self, args: dict[str, Any]) -> dict[str, Any]:
        return dataclasses.asdict(self._engine.send_text(str(args["to"]), str(args["text"])))

    def _panic(self, _: dict[str, Any]) -> dict[str, Any]:
        if not self._config.sandbox_trust_anchor or not isinstance(self._engine, CanPanic):
            raise EngineError("not_allowed", "only a sandbox worker can be told to crash")
        logger.warning("told to crash")
        self._engine.panic()
        return {}
