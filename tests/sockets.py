"""A websocket client that waits as long as a busy machine may take."""

from __future__ import annotations

from typing import Any

from channels.testing import WebsocketCommunicator

PATIENCE = 20.0  # seconds; what comes is taken at once


class PatientSocket(WebsocketCommunicator):
    """Everything that waits does so by these two, of which the defaults are one second."""

    async def receive_output(self, *_: float) -> Any:
        return await super().receive_output(PATIENCE)

    async def wait(self, *_: float) -> None:
        await super().wait(PATIENCE)
