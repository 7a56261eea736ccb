"""One WhatsApp connection through neonize (whatsmeow in a Go library). One process, one engine.

Everything here answers to a trap of neonize 0.5.2, so the rules come first:

- Only one client per process, and Go's `Stop` is never called: it writes maps that every other call
  reads without a lock. A stopped engine closes its line and its process ends with os._exit.
- Callbacks run one after the other on neonize's own thread. They do nothing but `emit`, which
  returns when the fact is durable. An exception in a callback would be printed and forgotten by
  ctypes: ours ends `run`, and no later callback gets through.
- `health` never asks Go: a call would wait while the line is being dialled.
- Before the first callback most calls into Go kill the process (nil store), so they are refused.
- While unpaired no event arrives, only the login status; hence the two overridden methods.
"""

from __future__ import annotations

import dataclasses
import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import (
    base,
    neonize_events,
    neonize_history,
    neonize_library,
    neonize_lines,
    neonize_messages,
    neonize_trust,
)
from .neonize_access import Access
from .neonize_backlog import Backlog
from .neonize_client import make_client
from .neonize_contacts import NeonizePeople
from .neonize_grouping import NeonizeGroups
from .neonize_guard import Guard
from .neonize_pairing import PAIRING_CODE_SECONDS, Pairing
from .neonize_parties import party_from_text
from .neonize_sending import NeonizeMessages

logger = logging.getLogger(__name__)

QUIET_SECONDS = 0.25  # no callback for this long after the line was closed: all were delivered
OPTIONS = 64  # of a poll
UNAVAILABLE = 500  # reasons that wait for their event
_DIGITS = re.compile(r"\+?(\d{5,15})")

_LINE_DOWN = frozenset(
    {
        "Disconnected",
        "KeepAliveTimeout",
        "LoggedOut",
        "StreamReplaced",
        "TemporaryBan",
        "ClientOutdated",
        "ConnectFailure",
    }
)


class NeonizeEngine:
    name = "neonize"
    capabilities = base.Capabilities(poll_votes=True)

    def __init__(self, config: base.EngineConfig) -> None:
        # Whatever neonize says passes the guard before it comes to us.
        guard = Guard(config, listener=self, log=self._on_log, tell=self._report)
        self.recovered = guard.recovered
        self._neonize = neonize_library.load(guard.on_log, guard.on_stanza)
        if config.sandbox_trust_anchor:
            anchor = bytes.fromhex(config.sandbox_trust_anchor)
            neonize_trust.replace_trust_anchor(neonize_library.library_path(), anchor)
        self._config = config
        self._emit: base.Emit = _nobody_listens
        self._outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._line = base.LineHealth(socket_alive=False, logged_in=False, last_seen_at=None)
        self._pairing = Pairing()
        self._running = False  # Go has the client: calls are safe
        self._busy = threading.Lock()  # held while a callback runs
        self._failed = False
        self._last_callback = time.monotonic()
        self._client = make_client(self._neonize, config, guard)
        self._own = base.Party(jid="")
        self._unavailable: dict[str, str] = {}  # why a message has no content, until its event
        self._backlog = Backlog(config.work_dir, self._history, self._report)
        access = Access(self._neonize, self._client, self._require_login, self._report)
        store = None if config.store_path.startswith("postgres") else Path(config.store_path)
        self.messages: base.Messages = NeonizeMessages(access, store)
        self.people: base.People = NeonizePeople(access)
        self.groups: base.Groups = NeonizeGroups(access)

    # What the worker calls ------------------------------------------------------------------

    def run(self, emit: base.Emit) -> None:
        """Connect and stay. Returns after `stop`; raises what a callback raised."""
        self._emit = emit
        threading.Thread(target=self._connect, name="neonize", daemon=True).start()
        error = self._outcome.get()
        if error is not None:
            raise error

    def stop(self, *, drain: bool = True) -> None:
        self._backlog.stop()
        if self._running:
            self._client.disconnect()
            if drain and not self._failed:
                self._wait_until_quiet()
        self._outcome.put(None)

    def unlink(self) -> None:
        self._require_login()
        try:
            self._client.logout()
        except self._neonize.LogoutError as exc:
            raise base.EngineError("unlink_failed", str(exc)) from exc
        self._guarded(lambda: self._emit(base.Unlinked()))

    def pair_phone(self, phone_number: str) -> base.PairingCodeIssued:
        digits = _DIGITS.fullmatch(phone_number.strip())
        if digits is None:
            raise base.EngineError("invalid_phone_number", f"not a phone number: {phone_number!r}")
        if not self._pairing.waiting:
            raise base.EngineError("not_pairing", "this number does not wait for a phone")
        try:
            code = self._client.PairPhone(digits[1], True)
        except self._neonize.PairPhoneError as exc:
            raise base.EngineError("pairing_refused", str(exc)) from exc
        expires_at = self._pairing.round_ends or time.time() + PAIRING_CODE_SECONDS
        issued = base.PairingCodeIssued(code=code, expires_at=expires_at)
        self._guarded(lambda: self._emit(issued))
        return issued

    def health(self) -> base.LineHealth:
        return self._line

    def panic(self) -> None:
        """Die as a Go panic does. For the sandbox: the worker guards who may ask."""
        self._neonize.gocode.GetMe(b"nobody")  # the store of a client that does not exist

    # What neonize calls ---------------------------------------------------------------------

    def _connect(self) -> None:
        proxy = None
        # In the sandbox the proxy is in the environment, where no account can change it.
        if self._config.proxy_url and not self._config.sandbox_trust_anchor:
            proxy = self._neonize.ProxySettings(self._config.proxy_url)
        try:
            self._client.connect(proxy)
        except self._neonize.NeonizeError as exc:
            self._outcome.put(base.EngineError("line_unreachable", str(exc)))
        except BaseException as exc:  # noqa: BLE001 - this thread ends here, `run` must know
            self._outcome.put(exc)
        else:
            self._outcome.put(None)

    def on_qr(self, code: str) -> None:
        def report() -> None:
            self._running = True
            attempt, expires_at = self._pairing.code_shown(time.time())
            self._emit(base.QrIssued(code=code, attempt=attempt, expires_at=expires_at))

        self._guarded(report)

    def on_login_status(self, status: str) -> None:
        def report() -> None:
            self._running = True
            logger.info("login status: %s", status)
            outcome = self._pairing.ended_with(status, time.time())
            if isinstance(outcome, base.EngineError):
                self._outcome.put(outcome)
            elif outcome is not None:
                self._emit(outcome)

        self._guarded(report)

    def on_event(self, name: str, data: bytes, read: Callable[[], Any]) -> None:
        def report() -> None:
            self._running = True
            self._seen(name)
            self._learn_own_name(name)
            if name == "HistorySync":
                self._backlog.keep(data)
                return
            fact = self._logged_in() if name == "Connected" else self._translate(name, read())
            if fact is None:
                logger.info("WhatsApp said %s, which has no meaning here", name)
                return
            self._emit(fact)
            if isinstance(fact, base.PollVoted):
                self._backlog.later(lambda: self._read_vote(fact, read()))

        self._guarded(report)

    def _translate(self, name: str, event: Any) -> base.EngineEvent | None:
        if name == "UndecryptableMessage":
            why = self._unavailable.pop(event.Info.ID, "")
            return neonize_messages.undecryptable(event, why)
        translate = neonize_events.TRANSLATIONS.get(name)
        return translate(event) if translate else None

    def _logged_in(self) -> base.Connected:
        """From the answer of get_me: the event itself says nothing."""
        connected = self._who_we_are()
        self._backlog.start()
        return connected

    def _learn_own_name(self, event: str) -> None:
        """A new link gets the name of its profile after the login, and nothing says when. So it is
        looked up with each event until it is there, and told by saying once more who we are."""
        up = self._line.socket_alive and self._line.logged_in
        if event != "Connected" and up and not self._own.push_name:
            connected = self._who_we_are()
            if connected.push_name:
                self._emit(connected)

    def _who_we_are(self) -> base.Connected:
        connected = neonize_lines.connected(self._client.get_me())
        self._own = party_from_text(connected.jid, connected.lid, connected.push_name)
        return connected

    def _history(self, data: bytes) -> Iterator[base.EngineEvent]:
        history = self._neonize.neonize_proto.HistorySync.FromString(data).Data
        return neonize_history.facts(history, self._own)

    def _read_vote(self, vote: base.PollVoted, event: Any) -> None:
        """Tell a vote a second time, readable, when whatsmeow has the poll's secret."""
        try:
            choice = self._client.decrypt_poll_vote(event)
        except self._neonize.NeonizeError as exc:
            logger.info("vote %s stays unreadable: %s", vote.wa_id, exc)
            return
        hashes = [chosen.hex() for chosen in choice.selectedOptions[:OPTIONS]]
        self._report(dataclasses.replace(vote, option_hashes=hashes, readable=True))

    def _on_log(self, source: str, level: str, line: str) -> None:
        logging.getLogger(f"whatsmeow.{source}").log(
            logging.getLevelNamesMapping().get(level.replace("WARN", "WARNING"), logging.INFO), line
        )
        if level == "ERROR":
            self._pairing.last_error = line
        if unavailable := neonize_events.unavailable_message(line):
            if len(self._unavailable) > UNAVAILABLE:
                self._unavailable.clear()
            self._unavailable[unavailable[0]] = unavailable[1]

    # Inside ---------------------------------------------------------------------------------

    def _report(self, fact: base.EngineEvent) -> None:
        self._guarded(lambda: self._emit(fact))

    def _guarded(self, report: Callable[[], None]) -> None:
        """Run one callback. The first one that fails is the last one that runs."""
        with self._busy:
            try:
                report()
            except BaseException as exc:
                logger.critical("a callback failed, this engine ends", exc_info=True)
                self._failed = True
                self._outcome.put(exc)
                threading.Event().wait()  # keep the lock: nothing may overtake the lost fact
            finally:
                self._last_callback = time.monotonic()

    def _seen(self, name: str) -> None:
        up = name in ("Connected", "KeepAliveRestored")
        down = name in _LINE_DOWN
        alive = up or (self._line.socket_alive and not down)
        logged_in = name == "Connected" or (self._line.logged_in and name != "LoggedOut")
        last_seen = self._line.last_seen_at if down else time.time()
        self._line = base.LineHealth(alive, logged_in, last_seen)

    def _wait_until_quiet(self) -> None:
        """After `disconnect`: whatsmeow may still hold up to a hundred facts for us."""
        self._last_callback = max(self._last_callback, time.monotonic() - QUIET_SECONDS / 2)
        while True:
            with self._busy:
                quiet_for = time.monotonic() - self._last_callback
            if quiet_for >= QUIET_SECONDS:
                return
            time.sleep(QUIET_SECONDS - quiet_for)

    def _require_login(self) -> None:
        if not (self._running and self._line.logged_in):
            raise base.EngineError("not_connected", "this number is not connected")


def _nobody_listens(_: base.EngineEvent) -> None:
    raise RuntimeError("the engine speaks before it runs")
