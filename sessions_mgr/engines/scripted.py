"""An engine that acts a script: for tests of everything around an engine, without WhatsApp.

A script is a list of steps, so that it can travel in the worker's configuration as JSON:

    {"do": "emit", "kind": ..., "data": {...}}   report a fact
    {"do": "wait", "seconds": 1.5}               let time pass
    {"do": "wait_for_scan"}                      until `scan` is called or the engine is stopped
    {"do": "fail", "detail": ...}                run raises: an error in our own code
    {"do": "unreachable"}                        run raises: the line cannot be dialled
    {"do": "crash"}                              the process dies as of a Go panic

At the end of the script the engine stays as it is until it is stopped. What it answers to verbs is
in scripted_verbs.py; `replies` (in `extra`, as JSON) changes that.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from . import base
from .scripted_verbs import ScriptedGroups, ScriptedMessages, ScriptedPeople, Stage

Step = Mapping[str, Any]

JID = "15550001:1@s.whatsapp.net"
QR: Step = {
    "do": "emit",
    "kind": "qr_issued",
    "data": {"code": "scripted-1", "attempt": 1, "expires_at": 4102444800.0},
}
PAIRED: Step = {"do": "emit", "kind": "paired", "data": {"jid": JID, "phone_number": "+15550001"}}
CONNECTED: Step = {
    "do": "emit",
    "kind": "connected",
    "data": {"jid": JID, "phone_number": "+15550001", "push_name": "Scripted"},
}

SCRIPTS: dict[str, list[Step]] = {
    "pair": [QR, {"do": "wait_for_scan"}, PAIRED, CONNECTED],
    "resume": [CONNECTED],
    "never_qr": [],
    "crash": [{"do": "crash"}],
    "fail": [{"do": "fail", "detail": "scripted"}],
    "unreachable": [{"do": "unreachable"}],
    "logged_out": [CONNECTED, {"do": "emit", "kind": "logged_out", "data": {"detail": "401"}}],
}


def message(wa_id: str, text: str) -> Step:
    """The step in which a stranger writes to us."""
    stranger = {"jid": "15559999@s.whatsapp.net", "phone_number": "+15559999"}
    data = {
        "wa_id": wa_id,
        "chat": stranger,
        "sender": stranger,
        "from_me": False,
        "timestamp": 1.0,
        "type": "text",
        "text": text,
    }
    return {"do": "emit", "kind": "message_received", "data": data}


class ScriptedEngine:
    name = "scripted"
    capabilities = base.Capabilities(fixed_message_id=True, group_requests=True)
    recovered = False

    def __init__(
        self,
        script: Iterable[Step],
        *,
        hang_on_stop: bool = False,
        replies: Mapping[str, Any] | None = None,
    ) -> None:
        self._script = list(script)
        self._hang_on_stop = hang_on_stop
        self._stopped = threading.Event()
        self._scanned = threading.Event()
        self._emit: base.Emit | None = None
        self._line = base.LineHealth(socket_alive=False, logged_in=False, last_seen_at=None)
        self.stage = Stage(replies or {}, lambda: self._line.logged_in)
        self.messages: base.Messages = ScriptedMessages(self.stage)
        self.people: base.People = ScriptedPeople(self.stage)
        self.groups: base.Groups = ScriptedGroups(self.stage)

    @classmethod
    def from_config(cls, config: base.EngineConfig) -> ScriptedEngine:
        """`extra` holds the name of a script or the script itself as JSON."""
        script = config.extra.get("script", "never_qr")
        steps = SCRIPTS[script] if script in SCRIPTS else json.loads(script)
        return cls(
            steps,
            hang_on_stop=config.extra.get("hang_on_stop") == "yes",
            replies=json.loads(config.extra.get("replies", "{}")),
        )

    def run(self, emit: base.Emit) -> None:
        self._emit = emit
        for step in self._script:
            if self._stopped.is_set():
                return
            self._act(step, emit)
        self._stopped.wait()

    def stop(self, *, drain: bool = True) -> None:
        if self._hang_on_stop:
            threading.Event().wait()
        self._stopped.set()
        self._scanned.set()

    def scan(self) -> None:
        """The phone scans the code."""
        self._scanned.set()

    def unlink(self) -> None:
        if not self._line.logged_in or self._emit is None:
            raise base.EngineError("not_connected", "this number is not connected")
        self._emit(base.Unlinked())

    def pair_phone(self, phone_number: str) -> base.PairingCodeIssued:
        if self._emit is None or self._line.logged_in:
            raise base.EngineError("not_pairing", "this number does not wait for a phone")
        issued = base.PairingCodeIssued(code="SCRI-PTED", expires_at=time.time() + 160.0)
        self._emit(issued)
        return issued

    def health(self) -> base.LineHealth:
        return self._line

    def panic(self) -> None:
        os.kill(os.getpid(), signal.SIGABRT)

    def _act(self, step: Step, emit: base.Emit) -> None:
        match step["do"]:
            case "emit":
                event = base.from_wire({"kind": step["kind"], "data": step["data"]})
                self._notice(event)
                emit(event)
            case "wait":
                self._stopped.wait(step["seconds"])
            case "wait_for_scan":
                self._scanned.wait()
            case "fail":
                raise RuntimeError(step.get("detail", "scripted"))
            case "unreachable":
                raise base.EngineError("line_unreachable", "scripted")
            case "crash":
                os.kill(os.getpid(), signal.SIGABRT)
            case unknown:
                raise ValueError(f"a script has no step {unknown!r}")

    def _notice(self, event: base.EngineEvent) -> None:
        if isinstance(event, base.Connected):
            self._line = base.LineHealth(True, True, time.time())
        elif isinstance(event, base.ConnectionLost | base.LoggedOut):
            logged_in = self._line.logged_in and not isinstance(event, base.LoggedOut)
            self._line = base.LineHealth(False, logged_in, self._line.last_seen_at)
