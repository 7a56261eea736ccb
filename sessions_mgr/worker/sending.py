"""The operation `send`: carries out each order once, and tells how it ended twice.

Once as the answer, which may get lost, and once as the fact SendSettled, which does not. A send
runs on a thread of its own; whoever asks again while it runs waits for the same one.
"""

from __future__ import annotations

import dataclasses
import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from ..engines import base
from ..engines.base import Emit, Engine, EngineError, Order
from .sends import Entry, Ledger
from .transfers import Transfers

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 15.0  # the default time to wait for the end of a send
LONGEST_SECONDS = 120.0
WAITING_SENDS = 32  # at once, per account; whatsmeow sends one after the other anyway
SECRET_BYTES = 32
# Nothing was sent, and it passes by itself: the order may come again under its id.
PASSING = frozenset(
    {"not_connected", "timeout", "rate_limited", "upload_failed", "busy", "no_such_upload"}
)


class Running:
    """A send in progress, for those who wait for it."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.entry: Entry | None = None
        self.passing: EngineError | None = None


class Sending:
    """`tell` stores a fact durably; `on_failure` gets what made that impossible."""

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        transfers: Transfers,
        *,
        tell: Emit,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._transfers = transfers
        self._tell = tell
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._running: dict[str, Running] = {}

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        return {"send": self.send}

    def tell_the_rest(self) -> None:
        """Facts that an earlier life settled and could not tell any more, and old rows."""
        for entry in self._ledger.untold():
            self._tell_end(entry)
        self._ledger.prune(time.time())

    def send(self, args: dict[str, Any]) -> dict[str, Any]:
        """{wa_id, timestamp, chat}; EngineError says why not, `timeout` that it still runs."""
        request_id = str(args["request_id"])
        if not 1 <= len(request_id) <= 64:
            raise EngineError("invalid_request", "a request_id has 1 to 64 characters")
        content = args["content"]
        if not isinstance(content, dict):
            raise EngineError("invalid_request", "a content is an object")
        waits = min(float(args.get("timeout", ANSWER_SECONDS)), LONGEST_SECONDS)
        with self._lock:
            running = self._running.get(request_id)
            if running is None:
                if (entry := self._ledger.find(request_id)) is not None:
                    return _answer(entry)
                self._refuse_forgotten(int(args.get("first_epoch", 0)))
                running = self._begin(request_id, str(args["to"]), content)
        if not running.over.wait(waits):
            raise EngineError("timeout", "It is still being sent; ask again.", running=True)
        if running.passing is not None:
            raise running.passing
        if running.entry is None:  # the disk failed us: this life ends, the next one answers
            raise EngineError("timeout", "The worker ends; ask the next one.")
        return _answer(running.entry)

    def _refuse_forgotten(self, first_epoch: int) -> None:
        if first_epoch and self._ledger.since_epoch > first_epoch:
            raise EngineError(
                "unknown_outcome", "It was tried before this ledger began; nobody knows the end."
            )

    def _begin(self, request_id: str, to: str, content: dict[str, Any]) -> Running:
        if len(self._running) >= WAITING_SENDS:
            raise EngineError("busy", "Too many messages are being sent at this moment.")
        if not self._engine.health().logged_in:
            raise EngineError("not_connected", "this number is not connected")
        media = content.get("media") or {}
        upload_id = media.get("upload_id")
        file = self._transfers.uploaded(upload_id) if upload_id else None
        secret = secrets.token_bytes(SECRET_BYTES)
        order = Order(to=to, content=content, file=file, secret=secret)
        self._ledger.begin(request_id, secret)
        running = self._running[request_id] = Running()
        threading.Thread(
            target=self._carry_out, args=(request_id, order, running), name="send", daemon=True
        ).start()
        return running

    def _carry_out(self, request_id: str, order: Order, running: Running) -> None:
        try:
            self._settle(request_id, order, running)
        except BaseException as exc:
            logger.critical("the end of a send could not be stored", exc_info=True)
            self._on_failure(exc)
        finally:
            with self._lock:
                self._running.pop(request_id, None)
            running.over.set()

    def _settle(self, request_id: str, order: Order, running: Running) -> None:
        try:
            sent = self._engine.messages.send(order)
        except EngineError as exc:
            self._failed(request_id, exc, running)
            return
        except Exception as exc:
            logger.exception("a send failed in our own code")
            detail = f"{type(exc).__name__}: {exc}"
            self._failed(request_id, EngineError("unknown_outcome", detail), running)
            return
        result = {
            "wa_id": sent.wa_id,
            "timestamp": sent.timestamp,
            "chat": dataclasses.asdict(sent.chat),
        }
        running.entry = self._ledger.settle(request_id, result=result)
        self._tell_end(running.entry)
        if order.file is not None:
            self._transfers.forget(order.file)

    def _failed(self, request_id: str, error: EngineError, running: Running) -> None:
        if error.code in PASSING:
            self._ledger.forget(request_id)
            running.passing = error
            return
        document = {"code": error.code, "detail": str(error), **error.extra}
        running.entry = self._ledger.settle(request_id, error=document)
        self._tell_end(running.entry)

    def _tell_end(self, entry: Entry) -> None:
        result = entry.result or {}
        self._tell(
            base.SendSettled(
                request_id=entry.request_id,
                timestamp=float(result.get("timestamp") or entry.settled_at or time.time()),
                wa_id=str(result.get("wa_id", "")),
                error=entry.error or {},
            )
        )
        self._ledger.told(entry.request_id)


def _answer(entry: Entry) -> dict[str, Any]:
    if entry.result is not None:
        return entry.result
    error = dict(entry.error or {"code": "unknown_outcome", "detail": "It did not come to an end."})
    raise EngineError(str(error.pop("code")), str(error.pop("detail")), **error)
