"""Hints of the bus become messages of the channel layer, in the event loop of the web process.

A dropped hint is repaired by the next one, or by the consumers' own slow poll.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from events import hints

_loops: dict[asyncio.AbstractEventLoop, hints.Hear] = {}


def group_of(workspace_id: UUID | str) -> str:
    return f"events.{workspace_id}"


async def ensure_listening() -> None:
    """Pass hints on to this event loop from now on."""
    loop = asyncio.get_running_loop()
    if loop in _loops:
        return

    def hear(workspace_id: UUID, seq: int) -> None:
        if not loop.is_closed():
            asyncio.run_coroutine_threadsafe(_pass_on(workspace_id, seq), loop)

    _loops[loop] = hear
    await sync_to_async(hints.hear)(hear)


def stop_listening() -> None:
    """Forget this event loop (tests; a process simply exits)."""
    hearer = _loops.pop(asyncio.get_running_loop(), None)
    if hearer is not None:
        hints.forget(hearer)


async def _pass_on(workspace_id: UUID, seq: int) -> None:
    layer = get_channel_layer()
    await layer.group_send(group_of(workspace_id), {"type": "events.hint", "seq": seq})
