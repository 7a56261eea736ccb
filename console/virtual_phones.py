"""The sandbox's phones as the pages show them: found, made when none is free, written from.

Rule: only pages under settings.SANDBOX may call this. A sandbox that is away is a sentence on the
page, never an error page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts.models import WhatsAppAccount
from sessions_mgr import sandbox_gateway as gateway
from sessions_mgr.sandbox_gateway import SandboxError

FIRST_NUMBER = 15550100001  # numbers that no country has given out
INBOX_SHOWN = 20
NAMES = (
    "Ada", "Ben", "Chidi", "Dana", "Elif", "Femi", "Goran", "Hana", "Ines", "Jonas", "Kaya", "Lior",
)


@dataclass(frozen=True, slots=True)
class VirtualPhone:
    number: str
    name: str
    online: bool
    links: int


@dataclass(frozen=True, slots=True)
class Received:
    """One message in a phone's inbox."""

    sender: str
    text: str
    at: Any


def phones() -> list[VirtualPhone]:
    """All phones, by number. SandboxError when the sandbox is away."""
    found = [
        VirtualPhone(
            number=raw["phone_number"],
            name=raw.get("name") or "",
            online=bool(raw.get("online", True)),
            links=len(raw.get("devices") or ()),
        )
        for raw in gateway.phones()
    ]
    return sorted(found, key=lambda phone: phone.number)


def make(number: str = "", name: str = "") -> str:
    """A new phone; without a number one that is free. Its number."""
    taken = {phone.number for phone in phones()}
    if not number:
        place = next(n for n in range(FIRST_NUMBER, FIRST_NUMBER + 10_000) if f"+{n}" not in taken)
        number = f"+{place}"
        name = name or NAMES[(place - FIRST_NUMBER) % len(NAMES)]
    gateway.create_phone(number, name)
    return number


def free_phone(account: WhatsAppAccount) -> str:
    """A phone that is linked to nothing yet; made when there is none."""
    for phone in phones():
        if not phone.links and phone.online:
            return phone.number
    return make()


def other_phone(account: WhatsAppAccount) -> str:
    """A phone that can write to this account: any but its own; made when there is none."""
    for phone in phones():
        if phone.number != account.phone_number:
            return phone.number
    return make()


def inbox(number: str) -> list[Received]:
    """What the phone received, newest first."""
    return [
        Received(
            sender=str(raw.get("from") or raw.get("sender") or ""),
            text=str(raw.get("text") or f"[{raw.get('type', 'message')}]"),
            at=raw.get("at") or raw.get("timestamp"),
        )
        for raw in reversed(gateway.inbox(number)[-INBOX_SHOWN:])
    ]


__all__ = [
    "Received", "SandboxError", "VirtualPhone", "free_phone", "inbox", "make", "other_phone", "phones",
]
