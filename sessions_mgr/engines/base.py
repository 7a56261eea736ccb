"""The vocabulary every WhatsApp engine speaks. No Django, no neonize in here.

Rule: an engine reports facts (past tense) through `emit` and obeys the few verbs of `Engine`.
Every fact is a frozen dataclass that travels as JSON (`to_wire`, `from_wire`), so that a worker
in another language can take part: docs/worker-protocol.md is this file in prose.
Times are Unix seconds (float); JIDs are strings as WhatsApp writes them; phone numbers E.164.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol


class WireError(ValueError):
    """A worker sent a fact that this version does not understand."""


_KINDS: dict[str, type[EngineEvent]] = {}


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something that happened to one connection. `kind` is its name on the wire."""

    kind: ClassVar[str] = ""

    def __init_subclass__(cls, *, kind: str = "") -> None:
        if kind:  # dataclass(slots=True) builds the class a second time, without the keyword
            cls.kind = kind
            _KINDS[kind] = cls
        elif cls.kind:
            _KINDS[cls.kind] = cls

    def to_wire(self) -> dict[str, Any]:
        return {"kind": self.kind, "data": dataclasses.asdict(self)}


def from_wire(raw: dict[str, Any]) -> EngineEvent:
    """The fact that `to_wire` described. Unknown kinds and fields raise WireError."""
    try:
        event_class = _KINDS[raw["kind"]]
        data = dict(raw["data"])
    except (KeyError, TypeError, ValueError) as exc:
        raise WireError(f"not an engine event: {raw!r:.200}") from exc
    known = {f.name: f for f in dataclasses.fields(event_class)}
    if unknown := data.keys() - known.keys():
        raise WireError(f"{event_class.kind} has no field {sorted(unknown)[0]!r}")
    for name in ("chat", "sender"):
        if name in known and isinstance(data.get(name), dict):
            data[name] = Party(**data[name])
    try:
        return event_class(**data)
    except TypeError as exc:
        raise WireError(f"{event_class.kind}: {exc}") from exc


@dataclass(frozen=True, slots=True)
class Party:
    """A person, group or channel, by every name that the engine knows for it."""

    jid: str
    lid: str = ""
    phone_number: str = ""
    push_name: str = ""
    type: str = "user"  # user, group, broadcast, newsletter


# Pairing ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QrIssued(EngineEvent, kind="qr_issued"):
    """A code waits to be scanned. `attempt` counts from 1 within one worker life."""

    code: str
    attempt: int
    expires_at: float


@dataclass(frozen=True, slots=True)
class PairingCodeIssued(EngineEvent, kind="pairing_code_issued"):
    code: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Paired(EngineEvent, kind="paired"):
    """The phone accepted us; keys are stored, the first login follows."""

    jid: str
    lid: str = ""
    phone_number: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class PairingExpired(EngineEvent, kind="pairing_expired"):
    """No phone scanned any of the codes. The worker ends."""


@dataclass(frozen=True, slots=True)
class PasskeyRequired(EngineEvent, kind="passkey_required"):
    """WhatsApp wants a passkey to link this account and the engine cannot give one."""


@dataclass(frozen=True, slots=True)
class PairingRefused(EngineEvent, kind="pairing_refused"):
    detail: str = ""


# The line --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connected(EngineEvent, kind="connected"):
    """Logged in and the socket is alive. `phone_number` is E.164 with its +."""

    jid: str
    lid: str = ""
    phone_number: str = ""
    push_name: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionLost(EngineEvent, kind="connection_lost"):
    """The line is down; the engine tries again by itself."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class KeepAliveLost(EngineEvent, kind="keep_alive_lost"):
    """The socket is open and silent: WhatsApp stopped answering."""

    failures: int = 1


@dataclass(frozen=True, slots=True)
class KeepAliveRestored(EngineEvent, kind="keep_alive_restored"):
    pass


@dataclass(frozen=True, slots=True)
class LoggedOut(EngineEvent, kind="logged_out"):
    """The phone or WhatsApp ended the link; the credentials are worthless now."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class StreamReplaced(EngineEvent, kind="stream_replaced"):
    """The same credentials connected from somewhere else."""


@dataclass(frozen=True, slots=True)
class TemporarilyBanned(EngineEvent, kind="temporarily_banned"):
    code: str = ""
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class ClientOutdated(EngineEvent, kind="client_outdated"):
    pass


@dataclass(frozen=True, slots=True)
class ConnectRefused(EngineEvent, kind="connect_refused"):
    """WhatsApp turned the login down for a reason that has no fact of its own."""

    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StoreCorrupt(EngineEvent, kind="store_corrupt"):
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unlinked(EngineEvent, kind="unlinked"):
    """We ended the link at WhatsApp, on order."""


# What people say -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MessageReceived(EngineEvent, kind="message_received"):
    """A message of anybody, also of our own other devices (`from_me`)."""

    wa_id: str
    chat: Party
    sender: Party
    from_me: bool
    timestamp: float
    type: str  # text, or unsupported with the raw type
    text: str = ""
    raw_type: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptReceived(EngineEvent, kind="receipt_received"):
    wa_ids: list[str]
    status: str  # delivered, read, played
    chat: Party
    sender: Party
    timestamp: float


# `Undecryptable.detail` of a message that arrived a second time and cannot be read twice. If it was
# stored the first time, all is well; if not, it was lost in a crash, and this says which one.
SEEN_BEFORE = "seen_before"


@dataclass(frozen=True, slots=True)
class Undecryptable(EngineEvent, kind="undecryptable"):
    """A message arrived that could not be read (yet)."""

    wa_id: str
    chat: Party
    sender: Party
    timestamp: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LifeCutShort(EngineEvent, kind="life_cut_short"):
    """The worker before this one was killed. What WhatsApp had handed to it and what was not on
    disk yet is lost; nobody can name it, so the time is told."""

    last_alive_at: float


@dataclass(frozen=True, slots=True)
class PresenceSeen(EngineEvent, kind="presence_seen"):
    """Typing, recording, online, offline."""

    chat: Party
    sender: Party
    state: str  # typing, recording, paused, available, unavailable


# The engine ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can promise. The core asks; the API shows; the docs say what follows."""

    strict_ack: bool = False  # WhatsApp is told "got it" only after we stored it
    fixed_message_id: bool = False  # we choose the id of an outgoing message before sending
    history_on_demand: bool = False
    passkey: bool = False


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What an engine needs to know to open one connection."""

    store_path: str  # the whatsmeow SQLite file of this account
    device_name: str = "Switchboard"
    proxy_url: str = ""
    sandbox_trust_anchor: str = ""  # hex; only with a loopback proxy, refused otherwise
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SentMessage:
    wa_id: str
    timestamp: float


@dataclass(frozen=True, slots=True)
class LineHealth:
    """Separate facts on purpose: a socket can be open on a line that is dead."""

    socket_alive: bool
    logged_in: bool
    last_seen_at: float | None


class EngineError(Exception):
    """The engine could not do what was asked. `code` is for programs, the text for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


Emit = Callable[[EngineEvent], None]


class Engine(Protocol):
    """One WhatsApp connection.

    `run` blocks until the connection ends for good and reports everything through `emit`, which
    returns only when the fact is durable. `stop` may be called from any thread, any number of
    times; with `drain` it first closes the line, lets the callbacks finish and loses nothing.
    `emit` may be called from threads that the engine owns.
    """

    name: str
    capabilities: Capabilities

    def run(self, emit: Emit) -> None: ...

    def stop(self, *, drain: bool = True) -> None: ...

    def unlink(self) -> None:
        """End the link at WhatsApp; credentials are gone afterwards. Emits Unlinked."""
        ...

    def pair_phone(self, phone_number: str) -> PairingCodeIssued:
        """Ask for an 8-character code instead of the QR. EngineError when not waiting for one."""
        ...

    def send_text(self, to: str, text: str) -> SentMessage: ...

    def health(self) -> LineHealth: ...
