"""Addresses: `user[:device]@server`. A phone is device 0, its companions are 1, 2, 3 ..."""

from dataclasses import dataclass, replace

PHONE_SERVER = "s.whatsapp.net"
LID_SERVER = "lid"
LEGACY_SERVER = "c.us"
GROUP_SERVER = "g.us"


@dataclass(frozen=True, slots=True)
class Jid:
    """One address. `user` is empty for a server itself."""

    user: str
    server: str = PHONE_SERVER
    device: int = 0

    def __str__(self) -> str:
        if not self.user:
            return self.server
        device = f":{self.device}" if self.device else ""
        return f"{self.user}{device}@{self.server}"

    @property
    def bare(self) -> "Jid":
        """The person behind the device."""
        return replace(self, device=0)

    def at_device(self, device: int) -> "Jid":
        """The same person's device with this number."""
        return replace(self, device=device)

    @classmethod
    def parse(cls, text: str) -> "Jid":
        """The address written as `user[:device]@server` or `server`. Raises ValueError."""
        left, at, server = text.rpartition("@")
        if not server or (at and not left):
            raise ValueError(f"not a JID: {text!r}")
        user, _, device = left.partition(":")
        return cls(user, server, int(device or "0"))


SERVER = Jid("")
"""The server itself. Clients ignore an iq whose `from` is not this, written as a JID token."""
