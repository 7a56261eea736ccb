"""What an engine can be told to do besides connecting. No Django, no neonize in here.

Every verb may block for as long as WhatsApp takes; the worker puts the deadline. Every verb raises
EngineError: `not_connected` before the first login, and the codes that each names. Documents
(`dict`) have the shapes of docs/worker-protocol.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from .facts import Party


@dataclass(frozen=True, slots=True)
class Order:
    """A message to send. `content` as docs/worker-protocol.md describes it, checked by the core."""

    to: str  # a JID or a phone number
    content: dict[str, Any]
    file: Path | None = None  # what `content["media"]` speaks of
    secret: bytes = b""  # 32 random bytes that mark this message in the engine's own store


@dataclass(frozen=True, slots=True)
class Sent:
    wa_id: str
    timestamp: float
    chat: Party


@dataclass(frozen=True, slots=True)
class PictureLink:
    """Where a picture is. `state` found, none, hidden or unchanged; the rest only when found."""

    state: Literal["found", "none", "hidden", "unchanged"]
    picture_id: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the address book of the phone, and the people themselves, call somebody."""

    jid: str
    lid: str = ""
    full: str = ""
    first: str = ""
    push: str = ""
    business: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    number: str  # as it was asked for
    registered: bool
    jid: str = ""
    lid: str = ""


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """What shall be different; None leaves it as it is."""

    subject: str | None = None
    description: str | None = None
    announce: bool | None = None
    locked: bool | None = None
    unknown: dict[str, Any] = field(default_factory=dict)


class Messages(Protocol):
    def send(self, order: Order) -> Sent:
        """Send once. Codes: invalid_recipient, not_on_whatsapp, reachout_timelock, rate_limited,
        not_a_member, media_too_large, media_rejected, upload_failed, session_gone, timeout (before
        anything was sent), unknown_outcome (it may have been sent), send_failed."""
        ...

    def download(self, locator: str, into: Path, max_bytes: int) -> None:
        """Fetch and decrypt a file. Codes: invalid_locator, media_too_large, media_gone (ask the
        phone for a new copy), media_corrupt, download_failed."""
        ...


class People(Protocol):
    def picture(self, jid: str, known_id: str, *, community: bool = False) -> PictureLink:
        """`community`: the jid is that of a community, which WhatsApp asks for differently."""
        ...

    def check_numbers(self, numbers: list[str]) -> list[Registration]: ...

    def names(self) -> list[Known]: ...

    def announce(self, state: Literal["available", "unavailable"]) -> None: ...

    def typing(self, to: str, state: Literal["typing", "recording", "paused"]) -> None: ...

    def mark_read(self, chat: str, sender: str, wa_ids: list[str], *, played: bool) -> None: ...


class Groups(Protocol):
    """Codes: not_a_member, not_allowed, not_found, rate_limited, unsupported_by_engine."""

    def all(self) -> list[dict[str, Any]]: ...

    def info(self, jid: str) -> dict[str, Any]: ...

    def create(self, name: str, participants: list[str]) -> dict[str, Any]: ...

    def change(self, jid: str, action: str, participants: list[str]) -> list[dict[str, Any]]:
        """[{jid, party?, code, invite_code}] of add, remove, promote or demote."""
        ...

    def update(self, jid: str, settings: GroupSettings) -> None: ...

    def set_picture(self, jid: str, jpeg: bytes) -> str:
        """The new picture's id."""
        ...

    def invite_link(self, jid: str, *, reset: bool) -> str: ...

    def join(self, code: str) -> str:
        """The jid of the group."""
        ...

    def leave(self, jid: str) -> None: ...

    def requests(self, jid: str) -> list[dict[str, Any]]:
        """[{jid, requested_at}] of people who want to join."""
        ...

    def decide(self, jid: str, action: str, participants: list[str]) -> list[dict[str, Any]]: ...
