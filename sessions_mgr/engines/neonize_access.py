"""The way to neonize's client that all verbs take: only when it is safe, with errors in our words.

A call into Go before the client runs, or without a login, would end the process (nil store).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import base
from .neonize_errors import engine_error

_NUMBER = re.compile(r"\+?(\d{5,15})")
_USER = re.compile(r"[\w.-]{1,64}", re.ASCII)
_CHATS = ("s.whatsapp.net", "lid", "g.us")


class Access:
    """`require_login` raises not_connected; `report` takes facts that an order brings about."""

    def __init__(
        self,
        neonize: Any,
        client: Any,
        require_login: Callable[[], None],
        report: base.Emit,
    ) -> None:
        self.neonize = neonize
        self.client = client
        self.require_login = require_login
        self.report = report

    def call(
        self,
        verb: str,
        *args: Any,
        otherwise: str,
        error: Callable[[object, str], base.EngineError] = engine_error,
        **named: Any,
    ) -> Any:
        """`client.verb(*args)`; `otherwise` is the code of an error that nobody knows."""
        self.require_login()
        try:
            return getattr(self.client, verb)(*args, **named)
        except self.neonize.NeonizeError as exc:
            raise error(_text_of(exc), otherwise) from exc

    def address(self, to: str, *, servers: tuple[str, ...] = _CHATS) -> Any:
        """The JID, without a device, that a phone number or a JID names."""
        text = to.strip()
        user, at, server = text.rpartition("@")
        user = user.partition(":")[0]
        if at and server in servers and _USER.fullmatch(user):
            return self.neonize.build_jid(user, server)
        if (digits := _NUMBER.fullmatch(text)) and "s.whatsapp.net" in servers:
            return self.neonize.build_jid(digits[1])
        raise base.EngineError("invalid_recipient", f"neither a phone number nor a JID: {to!r:.80}")

    def group(self, jid: str) -> Any:
        return self.address(jid, servers=("g.us",))

    def people(self, addresses: list[str]) -> list[Any]:
        return [self.address(who, servers=("s.whatsapp.net", "lid")) for who in addresses]

    def hidden_id(self, jid: Any) -> Any:
        """The other name of a person, from the store of whatsmeow; None when it has none."""
        verbs = {"s.whatsapp.net": "get_lid_from_pn", "lid": "get_pn_from_lid"}
        if jid.Server not in verbs:
            return None
        try:
            other = getattr(self.client, verbs[jid.Server])(jid)
        except self.neonize.NeonizeError:
            return None
        return other if other.User else None


def _text_of(exc: BaseException) -> str:
    """neonize puts a text, bytes or a whole answer into its exceptions."""
    said = exc.args[0] if exc.args else ""
    said = getattr(said, "Error", said)
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
