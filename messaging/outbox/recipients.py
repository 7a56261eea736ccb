"""Whom `to` names. Pure: text in, a recipient out. Ids of our chats are looked up in orders.py."""

from __future__ import annotations

import re
from dataclasses import dataclass

USER_SERVER = "s.whatsapp.net"
LID_SERVER = "lid"
GROUP_SERVER = "g.us"
OLD_USER_SERVER = "c.us"  # what older libraries call s.whatsapp.net
SHORTEST, LONGEST = 7, 15  # digits of a phone number, E.164
DECORATION = re.compile(r"[ \u00a0().\-/]")  # as people write phone numbers
FORMS = (
    "use a phone number with its country code (+4915112345678), a JID "
    "(4915112345678@s.whatsapp.net, …@lid, …@g.us) or the id of a chat"
)


class NoRecipient(ValueError):
    """The text names nobody that a message can be sent to. It says what to write."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person or a group. `jid` has no device."""

    jid: str

    @property
    def type(self) -> str:
        return "group" if self.jid.endswith(f"@{GROUP_SERVER}") else "user"

    @property
    def phone_number(self) -> str:
        """E.164, or empty for a group or a person known by LID only."""
        user, _, server = self.jid.partition("@")
        return f"+{user}" if server == USER_SERVER else ""


def parse(text: str) -> Recipient:
    """The recipient that `text` names. NoRecipient says what is wrong with it."""
    plain = text.strip()
    if not plain:
        raise NoRecipient(f"it is empty; {FORMS}")
    if "@" in plain:
        return _from_jid(plain)
    digits = DECORATION.sub("", plain).removeprefix("+")
    if not re.fullmatch(r"[0-9]+", digits):
        raise NoRecipient(FORMS)
    return Recipient(f"{_number(digits)}@{USER_SERVER}")


def _number(digits: str) -> str:
    if not SHORTEST <= len(digits) <= LONGEST or digits.startswith("0"):
        raise NoRecipient(
            f"a phone number has {SHORTEST} to {LONGEST} digits and begins with its country code"
        )
    return digits


def _from_jid(text: str) -> Recipient:
    user, _, server = text.lower().partition("@")
    user = user.partition(":")[0].partition(".")[0]
    if server in (USER_SERVER, OLD_USER_SERVER):
        if not re.fullmatch(r"[0-9]+", user):
            raise NoRecipient(FORMS)
        return Recipient(f"{_number(user)}@{USER_SERVER}")
    if server == LID_SERVER and re.fullmatch(r"[0-9]{1,20}", user):
        return Recipient(f"{user}@{LID_SERVER}")
    if server == GROUP_SERVER and re.fullmatch(r"[0-9]{1,30}(-[0-9]{1,20})?", user):
        return Recipient(f"{user}@{GROUP_SERVER}")
    if server in ("broadcast", "newsletter"):
        raise NoRecipient("messages to channels, broadcast lists and the status are not sent")
    raise NoRecipient(FORMS)
