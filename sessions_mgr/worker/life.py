"""What a fact does to a life: it becomes durable, goes on its way, and may be the last one."""

from __future__ import annotations

import threading
import time
from typing import TypeGuard

from ..engines import base
from ..engines.base import EngineEvent
from .config import WorkerConfig
from .exits import Exit
from .forwarder import Forwarder
from .spool import Spool

# Facts after which this life is over.
ENDINGS: dict[type[EngineEvent], Exit] = {
    base.PairingExpired: Exit.PAIRING_EXPIRED,
    base.PairingRefused: Exit.PAIRING_REFUSED,
    base.PasskeyRequired: Exit.PASSKEY_REQUIRED,
    base.LoggedOut: Exit.LOGGED_OUT,
    base.StreamReplaced: Exit.REPLACED,
    base.TemporarilyBanned: Exit.BANNED,
    base.ClientOutdated: Exit.CLIENT_OUTDATED,
    base.ConnectRefused: Exit.CONNECT_REFUSED,
    base.StoreCorrupt: Exit.STORE_CORRUPT,
    base.Unlinked: Exit.UNLINKED,
}


# What people say, under an id that WhatsApp may deliver again.
SAID = (
    base.MessageReceived,
    base.ReactionReceived,
    base.MessageEdited,
    base.MessageRevoked,
    base.PollVoted,
)


def _name(event: EngineEvent) -> str:
    """Under which a fact is stored once; "" for those that may come again.

    A vote comes twice, the second time readable. What a history holds may be said live, too.
    """
    if not isinstance(event, SAID) or (isinstance(event, base.MessageReceived) and event.history):
        return ""
    more = " readable" if isinstance(event, base.PollVoted) and event.readable else ""
    return f"{event.wa_id} {event.kind}{more}"


def _is_told_as_lost(event: EngineEvent) -> TypeGuard[base.Undecryptable]:
    return isinstance(event, base.Undecryptable) and event.detail == base.SEEN_BEFORE


class Life:
    """Why this life ends. The first reason is the one that counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.exit = Exit.INTERNAL
        self.detail = ""

    def end(self, exit_code: Exit, detail: str = "") -> None:
        with self._lock:
            if not self._over.is_set():
                self.exit, self.detail = exit_code, detail
                self._over.set()

    def over(self, within: float | None = None) -> bool:
        return self._over.wait(within)


class Recorder:
    """What the engine calls with each fact: durable first, then consequences."""

    def __init__(self, config: WorkerConfig, spool: Spool, forwarder: Forwarder, life: Life):
        self._config = config
        self._spool = spool
        self._forwarder = forwarder
        self._life = life
        self.connected = threading.Event()
        self.code_shown = False
        self.paired_at: float | None = None

    def __call__(self, event: EngineEvent) -> None:
        if isinstance(event, base.QrIssued) and self._config.mode == "unlink":
            self._life.end(Exit.UNLINKED, "there was nothing to unlink")
            return
        if _is_told_as_lost(event) and self._spool.has_seen(event.wa_id):
            return  # WhatsApp sent again what we have
        stored = self._spool.append(
            {
                "account_id": str(self._config.account_id),
                "workspace_id": str(self._config.workspace_id),
                "epoch": self._config.epoch,
                "at": time.time(),
                **event.to_wire(),
            },
            once=_name(event),
        )
        if stored:
            self._forwarder.notify()
            self._notice(event)

    def _notice(self, event: EngineEvent) -> None:
        if isinstance(event, base.QrIssued):
            self.code_shown = True
        elif isinstance(event, base.Paired):
            self.paired_at = time.monotonic()
        elif isinstance(event, base.Connected):
            self.connected.set()
        elif (exit_code := ENDINGS.get(type(event))) is not None:
            self._life.end(exit_code, str(getattr(event, "detail", "")))
