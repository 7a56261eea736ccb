"""Clients that do not read: they cost little memory, are told so, and miss nothing afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.product import API_KEY, ROOT, eventually

EVENTS, SIZE = 300, 60_000  # 18 MB, more than the kernel holds for one connection
WRITER = f"""
import sys, uuid
import django
django.setup()
from events import services
for n in range({EVENTS}):
    services.append(
        workspace_id=uuid.UUID(sys.argv[1]), type="chat.presence", data={{"fill": "x" * {SIZE}}}
    )
"""


def write_events(product):
    workspace = product.call("GET", "/workspace")["id"]
    environment = {**os.environ, **product.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run(
        [sys.executable, "-c", WRITER, workspace], cwd=ROOT, env=environment, check=True, timeout=60
    )


async def test_a_socket_that_does_not_read_is_closed_with_4408_and_resumes_by_cursor(own_product):
    product = own_product
    product.start()
    write_events(product)
    address = f"ws://127.0.0.1:{product.port}/ws/v1/events?types=chat.presence"
    options = {"subprotocols": ["switchboard.v1", f"bearer.{API_KEY}"], "proxy": None}

    seen = []
    # Its small queue is full at once; from then on it does not take anything from the socket.
    async with connect(f"{address}&after=0", max_queue=1, ping_interval=None, **options) as socket:
        await asyncio.to_thread(
            eventually,
            lambda: "closed a socket that does not read" in product.log.read_text(),
            within=30,
            what="the server gave up waiting",
        )
        web = product.child("run_web")
        assert web.memory_info().rss < 250 * 2**20
        try:
            while True:
                frame = json.loads(await socket.recv())
                seen += [frame["seq"]] if "seq" in frame and frame["type"] != "hello" else []
        except ConnectionClosed as exc:
            assert exc.rcvd is not None and exc.rcvd.code == 4408
    assert 0 < len(seen) < EVENTS

    async with connect(f"{address}&after={seen[-1]}", **options) as socket:
        while len(seen) < EVENTS:
            frame = json.loads(await asyncio.wait_for(socket.recv(), 10))
            seen += [frame["seq"]] if "seq" in frame and frame["type"] != "hello" else []
    assert seen == list(range(seen[0], seen[0] + EVENTS))
