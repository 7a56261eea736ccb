"""Daphne, made to wait for readers: an application's `send` returns when the client keeps up.

Plain daphne takes whatever an application sends into memory. A client that does not read would then
cost as much memory as the log is long; here `send` waits instead, so that the feed notices it (and
says 4408) and a large file is read from storage as fast as it leaves.
"""

from __future__ import annotations

import asyncio
from typing import Any

from daphne.server import Server

HIGH_WATER = 256 * 1024  # bytes that may wait in memory for one client
CLOSE_PATIENCE = 10.0  # seconds in which a slow client may read why it was closed
LOOK_AGAIN = 0.02  # seconds between looks while a client is behind
_WITH_CONTENT = frozenset({"websocket.send", "http.response.body"})


class PatientServer(Server):
    def protocol_connected(self, protocol: Any) -> None:
        super().protocol_connected(protocol)
        protocol.closeHandshakeTimeout = CLOSE_PATIENCE  # autobahn's own is 1 s

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        if message.get("type") in _WITH_CONTENT:
            # Nothing tells us when twisted has sent it, hence the looking.
            while protocol in self.connections and backlog(protocol) > HIGH_WATER:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN)


def backlog(protocol: Any) -> int:
    """Bytes that were sent to this client and did not leave yet; 0 when it is gone."""
    # A websocket has the line itself, a request has it through its channel.
    holder = getattr(protocol, "channel", protocol)
    line = getattr(holder, "transport", None)
    if line is None or not hasattr(line, "dataBuffer"):
        return 0
    return len(line.dataBuffer) - int(line.offset) + int(line._tempDataLen)
