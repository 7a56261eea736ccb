"""neonize's client with its callbacks turned to a listener of ours.

The overridden methods have the names that Python gives to NewClient's private ones: while a number
is not paired they are the only way to hear anything.
"""

from __future__ import annotations

import ctypes
import logging
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from . import base

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Called on neonize's thread, one call after the other. Must not raise: ctypes hides it."""

    def on_qr(self, code: str) -> None: ...

    def on_login_status(self, status: str) -> None: ...

    def on_event(self, name: str, data: bytes, read: Callable[[], Any]) -> None:
        """`read` parses the event, which `data` is, and raises if it cannot."""
        ...


def make_client(neonize: Any, config: base.EngineConfig, listener: Listener) -> Any:
    """A client that connects when its `connect` is called, and reports to `listener` alone."""
    codes = _codes()
    # neonize 0.5.2 forgot to say what this function returns.
    neonize.gocode.DecryptPollVote.errcheck = neonize.gocode.SendMessage.errcheck

    class Client(neonize.NewClient):  # type: ignore[misc]  # neonize has no types
        def __init__(self) -> None:
            super().__init__(
                **_store(neonize, config),
                uuid=uuid.uuid4().hex,  # collecting an older client with the same id stops this one
                props=neonize.DeviceProps(
                    os=config.device_name, platformType=neonize.DeviceProps.CHROME
                ),
            )
            self._stop_finalizer.detach()
            self.event.list_func = dict.fromkeys(codes)  # subscribes to everything
            self.event.execute = self._execute

        def _execute(self, _uuid: int, address: int, size: int, code: int) -> None:
            event_class = codes.get(code)
            if event_class is None:
                logger.info("neonize sent an event of the unknown type %s", code)
                return
            name = event_class.DESCRIPTOR.name
            if name in ("Device", "QR"):
                return  # who we are, and all codes at once: both known
            data = ctypes.string_at(address, size)  # Go frees its own after this call
            listener.on_event(name, data, lambda: event_class.FromString(data))

        def _NewClient__onQr(self, _uuid: int, address: int) -> None:
            listener.on_qr(_text_at(address))

        def _NewClient__onLoginStatus(self, _uuid: int, address: int) -> None:
            listener.on_login_status(_text_at(address))

    return Client()


def _store(neonize: Any, config: base.EngineConfig) -> dict[str, Any]:
    """Which device of which database.

    A file holds one device, so the first one is it. A PostgreSQL database holds those of all
    accounts: ours is named, or a new one is made; "the first one" would be a stranger's.
    """
    if not config.store_path.startswith("postgres"):
        # neonize appends "?_foreign_keys=on", which the last parameter swallows.
        options = "?_journal_mode=WAL&_foreign_keys=on&_busy_timeout=5000&_x="
        return {"name": config.store_path + options}
    if not (jid := config.extra.get("jid", "")):
        return {"name": config.store_path, "new_device": True}
    user, _, server = jid.partition("@")
    number, _, device = user.partition(":")
    chosen = neonize.build_jid(number, server)
    chosen.Device = int(device or 0)
    return {"name": config.store_path, "jid": chosen}


def _codes() -> dict[int, Any]:
    """Which number stands for which event in neonize's callback."""
    from neonize.events import INT_TO_EVENT

    return dict(INT_TO_EVENT)


def _text_at(address: int) -> str:
    return ctypes.string_at(address).decode(errors="replace")
