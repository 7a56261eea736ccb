"""Calls into the engine that may hang: they get a thread and a deadline.

Nothing can end a call into Go from outside. After its deadline it is left alone and its answer is
thrown away; when too many of them hang, new ones are refused instead of piling up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ..engines.base import EngineError

HANGING_CALLS = 16  # left alone at once, per worker

Result = TypeVar("Result")


class Deadlines:
    def __init__(self, hanging_calls: int = HANGING_CALLS) -> None:
        self._slots = threading.Semaphore(hanging_calls)

    def call(self, seconds: float, function: Callable[[], Result]) -> Result:
        """What the function returns or raises. EngineError `timeout` after the deadline, `busy`
        when too many calls hang."""
        if not self._slots.acquire(blocking=False):
            raise EngineError("busy", "Too many questions to WhatsApp are open.")
        over = threading.Event()
        outcome: dict[str, Any] = {}

        def run() -> None:
            try:
                outcome["result"] = function()
            except BaseException as exc:  # noqa: BLE001 - raised where somebody waits for it
                outcome["error"] = exc
            finally:
                self._slots.release()
                over.set()

        threading.Thread(target=run, name="engine call", daemon=True).start()
        if not over.wait(seconds):
            raise EngineError("timeout", f"WhatsApp did not answer within {seconds:g} s.")
        if "error" in outcome:
            raise outcome["error"]
        result: Result = outcome["result"]
        return result
