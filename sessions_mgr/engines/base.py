"""The vocabulary every WhatsApp engine speaks. No Django, no neonize in here.

Rule: an engine reports facts (past tense) through `emit` and obeys the few verbs of `Engine`.
Every fact is a frozen dataclass that travels as JSON (`to_wire`, `from_wire`), so that a worker
in another language can take part: docs/worker-protocol.md is this file in prose.
Times are Unix seconds (float); JIDs are strings as WhatsApp writes them; phone numbers E.164.
The facts are in lines.py (the connection) and said.py (people); `base.X` is their public name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .facts import EngineEvent, MediaRef, Party, WireError, from_wire
from .lines import (
    ClientOutdated,
    Connected,
    ConnectionLost,
    ConnectRefused,
    KeepAliveLost,
    KeepAliveRestored,
    LoggedOut,
    Paired,
    PairingCodeIssued,
    PairingExpired,
    PairingRefused,
    PasskeyRequired,
    QrIssued,
    StoreCorrupt,
    StreamReplaced,
    TemporarilyBanned,
    Unlinked,
)
from .said import (
    MESSAGE_TYPES,
    SEEN_BEFORE,
    CallOffered,
    ChatsSynced,
    ContactSeen,
    EngineCrashed,
    GroupChanged,
    GroupJoined,
    LifeCutShort,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    PictureChanged,
    PollVoted,
    PresenceSeen,
    ReactionReceived,
    ReceiptReceived,
    Restricted,
    SendSettled,
    Undecryptable,
)
from .verbs import (
    Groups,
    GroupSettings,
    Known,
    Messages,
    Order,
    People,
    PictureLink,
    Registration,
    Sent,
)

__all__ = [
    "MESSAGE_TYPES",
    "SEEN_BEFORE",
    "CallOffered",
    "Capabilities",
    "ChatsSynced",
    "ClientOutdated",
    "ConnectRefused",
    "Connected",
    "ConnectionLost",
    "ContactSeen",
    "Emit",
    "Engine",
    "EngineConfig",
    "EngineCrashed",
    "EngineError",
    "EngineEvent",
    "GroupChanged",
    "GroupJoined",
    "GroupSettings",
    "Groups",
    "KeepAliveLost",
    "KeepAliveRestored",
    "Known",
    "LifeCutShort",
    "LineHealth",
    "LoggedOut",
    "MediaRef",
    "MessageEdited",
    "MessageReceived",
    "MessageRevoked",
    "Messages",
    "Order",
    "Paired",
    "PairingCodeIssued",
    "PairingExpired",
    "PairingRefused",
    "Party",
    "PasskeyRequired",
    "People",
    "PictureChanged",
    "PictureLink",
    "PollVoted",
    "PresenceSeen",
    "QrIssued",
    "ReactionReceived",
    "ReceiptReceived",
    "Registration",
    "Restricted",
    "SendSettled",
    "Sent",
    "StoreCorrupt",
    "StreamReplaced",
    "TemporarilyBanned",
    "Undecryptable",
    "Unlinked",
    "WireError",
    "from_wire",
]


# The engine ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can promise. The core asks; the API shows; the docs say what follows."""

    strict_ack: bool = False  # WhatsApp is told "got it" only after we stored it
    fixed_message_id: bool = False  # we choose the id of an outgoing message before sending
    history_on_demand: bool = False
    passkey: bool = False
    media_retry: bool = False  # a file that is gone can be asked for again from the phone
    group_requests: bool = False  # requests to join can be decided (they can always be listed)
    poll_votes: bool = False  # votes of polls are decrypted


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What an engine needs to know to open one connection."""

    store_path: str  # the whatsmeow SQLite file of this account
    device_name: str = "Switchboard"
    proxy_url: str = ""
    sandbox_trust_anchor: str = ""  # hex; only with a loopback proxy, refused otherwise
    work_dir: str = ""  # a private folder for files that outlive a crash; empty: none
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LineHealth:
    """Separate facts on purpose: a socket can be open on a line that is dead."""

    socket_alive: bool
    logged_in: bool
    last_seen_at: float | None


class EngineError(Exception):
    """The engine could not do what was asked. `code` is for programs, the text for people."""

    def __init__(self, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.extra = extra  # more for programs, such as `until` of a time-lock


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
    # Whether whatever a killed life before this one had in hand will come again, or is stored.
    recovered: bool
    messages: Messages
    people: People
    groups: Groups

    def run(self, emit: Emit) -> None: ...

    def stop(self, *, drain: bool = True) -> None: ...

    def unlink(self) -> None:
        """End the link at WhatsApp; credentials are gone afterwards. Emits Unlinked."""
        ...

    def pair_phone(self, phone_number: str) -> PairingCodeIssued:
        """Ask for an 8-character code instead of the QR. EngineError when not waiting for one."""
        ...

    def health(self) -> LineHealth: ...
