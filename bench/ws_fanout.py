"""200 websockets that each see 50 events a second: how long from the commit to the frame.

The events are written by this process into the product's database and hinted over its bus, as the
pipeline would; the sockets are the public feed with a key. Every frame must arrive, in order.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from tests.product import API_KEY, ROOT, Product

from .measure import Result, latency

RATE = 50  # events per second
BUDGETS = {50: 0.25, 99: 1.0}  # seconds
WRITER = """
import sys, time, uuid
import django
django.setup()
from events import services
from sessions_mgr.bus import carriers
assert carriers.current().wait_until_connected(10)
workspace, count, rate = uuid.UUID(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
began = time.monotonic()
for n in range(count):
    time.sleep(max(0.0, began + n / rate - time.monotonic()))
    services.append(workspace_id=workspace, type="chat.presence", data={"sent": time.time()})
time.sleep(0.5)
"""


def run(folder: Path, quick: bool) -> list[Result]:
    sockets, seconds = (50, 3) if quick else (200, 10)
    product = Product(folder)
    try:
        product.start()
        workspace = product.call("GET", "/workspace")["id"]
        delays = asyncio.run(_watch(product, workspace, sockets, RATE * seconds))
    finally:
        product.stop()
    return [latency("ws_fanout", delays, budgets=BUDGETS)]


async def _watch(product: Product, workspace: str, sockets: int, count: int) -> list[float]:
    address = f"ws://127.0.0.1:{product.port}/ws/v1/events?types=chat.presence"
    protocols = ["switchboard.v1", f"bearer.{API_KEY}"]
    opened: list[ClientConnection] = []
    for _ in range(sockets):
        socket = await connect(address, subprotocols=protocols, proxy=None, open_timeout=30)
        await socket.recv()  # hello
        await socket.recv()  # snapshot
        opened.append(socket)
    environment = {**os.environ, **product.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    writer = subprocess.Popen(  # noqa: ASYNC220  started once, and then only read from
        [sys.executable, "-c", WRITER, workspace, str(count), str(RATE)], cwd=ROOT, env=environment
    )
    try:
        found = await asyncio.gather(*(_read(socket, count) for socket in opened))
    finally:
        writer.wait()
        await asyncio.gather(*(socket.close() for socket in opened))
    return [delay for delays in found for delay in delays]


async def _read(socket: ClientConnection, count: int) -> list[float]:
    delays: list[float] = []
    last = 0
    async with asyncio.timeout(120):
        while len(delays) < count:
            frame = json.loads(await socket.recv())
            if "seq" not in frame or frame["type"] != "chat.presence":
                continue
            assert frame["seq"] == last + 1 or not last, "an event is missing"
            last = frame["seq"]
            delays.append(time.time() - frame["data"]["sent"])
    return delays
