"""One bus subscription per web process: hints come in, consumers and long-polls are woken.

Lives in the event loop of the web process and is started by the first who needs it. A dropped
hint is repaired by the next one, or by the consumers' own slow poll.
"""

from __future__ import annotations

import asyncio
import json
import logging
from uuid import UUID

import nats.errors
from channels.layers import get_channel_layer
from nats.aio.msg import Msg

from events import waiting
from sessions_mgr.bus import address, streams
from sessions_mgr.bus.client import connect

logger = logging.getLogger(__name__)

RETRY = 0.5  # seconds between tries while the bus is not there

_tasks: dict[asyncio.AbstractEventLoop, asyncio.Task[None]] = {}


def group_of(workspace_id: UUID | str) -> str:
    return f"events.{workspace_id}"


def ensure_listening() -> None:
    """Start the listener of this event loop once."""
    loop = asyncio.get_running_loop()
    for old in [known for known in _tasks if known.is_closed()]:
        del _tasks[old]
    task = _tasks.get(loop)
    if task is None or task.done():
        _tasks[loop] = loop.create_task(_listen())


async def stop_listening() -> None:
    """End the listener of this event loop (tests; a process simply exits)."""
    task = _tasks.pop(asyncio.get_running_loop(), None)
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _listen() -> None:
    while True:
        found = address.find()
        try:
            if found is not None:
                client = await connect(found.url, found.token, name="web")
                break
        except (OSError, nats.errors.Error, TimeoutError) as exc:
            logger.warning("hints: bus not reachable yet: %s", exc)
        await asyncio.sleep(RETRY)
    try:
        await client.subscribe(streams.hint_subject("*"), cb=_pass_on)
        await asyncio.Event().wait()  # until cancelled
    finally:
        await client.close()


async def _pass_on(message: Msg) -> None:
    hint = json.loads(message.data)
    workspace_id, seq = hint["workspace_id"], int(hint["seq"])
    waiting.wake(UUID(workspace_id))
    layer = get_channel_layer()
    await layer.group_send(group_of(workspace_id), {"type": "events.hint", "seq": seq})
