"""Facts about the line between us and WhatsApp: pairing, login, ends. See base.py."""

from __future__ import annotations

from dataclasses import dataclass

from .facts import EngineEvent

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
