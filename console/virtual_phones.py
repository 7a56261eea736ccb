"""The sandbox's phones as the pages show them: found, made when none is free, written from.

Rule: only pages under settings.SANDBOX may call this. A sandbox that is away is a sentence on the
page, never an error page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from accounts.models import WhatsAppAccount
from sessions_mgr import sandbox_gateway as gateway
from sessions_mgr.sandbox_gateway import SandboxError

from .message_words import doing, told

FIRST_NUMBER = 15550100001  # numbers that no country has given out
INBOX_SHOWN = 20
NAMES = (
    "Ada",
    "Ben",
    "Chidi",
    "Dana",
    "Elif",
    "Femi",
    "Goran",
    "Hana",
    "Ines",
    "Jonas",
    "Kaya",
    "Lior",
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
    at: datetime
    mine: bool


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


def free_phone() -> str:
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
            sender=raw["from"],
            text=raw["text"] or doing(raw) or told({"type": raw["type"]}),
            at=datetime.fromtimestamp(raw["timestamp"], UTC),
            mine=raw["from_me"],
        )
        for raw in reversed(gateway.inbox(checked(number))[-INBOX_SHOWN:])
    ]


def checked(number: str) -> str:
    """The number, if it is one: it becomes a part of the control API's path."""
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise SandboxError(422, "invalid", _("Choose a virtual phone."))
    return number


def scan(account: WhatsAppAccount, number: str) -> None:
    """This phone, or a free one, scans the code that the account shows now."""
    gateway.scan(checked(number) if number else free_phone(), account.session.qr_code)


def switch(number: str, *, online: bool) -> None:
    gateway.set_online(checked(number), online)


def write(sender: str, to: str, text: str) -> None:
    gateway.send_text(checked(sender), checked(to), text)
