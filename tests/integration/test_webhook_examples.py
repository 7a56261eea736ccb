"""The examples of the documentation, each run against a real delivery where its runtime is here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from channels.db import database_sync_to_async as in_thread

from events import services as event_log
from tests.couriers import courier
from tests.factories import WorkspaceFactory, endpoint
from tests.product import eventually, free_port
from webhooks.models import Attempt

pytestmark = pytest.mark.django_db(transaction=True)
FOLDER = Path(__file__).parents[2] / "docs" / "webhooks" / "examples"
SECRET = "whsec_" + "QUJD" * 12


def commands(port):
    return {
        "receiver.py": [sys.executable, "receiver.py"],
        "receiver.mjs": ["node", "receiver.mjs"],
        "receiver.go": ["go", "run", "receiver.go"],
        "receiver.php": ["php", "-S", f"127.0.0.1:{port}", "receiver.php"],
        "receiver.ru": ["rackup", "-q", "-o", "127.0.0.1", "-p", str(port), "receiver.ru"],
    }


def listens(port):
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture(
    params=["receiver.py", "receiver.mjs", "receiver.go", "receiver.php", "receiver.ru"]
)
def example(request, tmp_path):
    """The running example: (port, the file it prints to)."""
    port, said = free_port(), tmp_path / "said"
    command = commands(port)[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed here")
    if command[0] == "go":  # a binary of its own, as `go run` would leave a child behind
        command = [str(tmp_path / "receiver")]
        subprocess.run(
            ["go", "build", "-o", command[0], "receiver.go"],
            cwd=FOLDER,
            check=True,
            env=os.environ | {"GOCACHE": str(tmp_path / "cache"), "GO111MODULE": "off"},
            timeout=300,
        )
    with said.open("wb") as out:
        running = subprocess.Popen(
            command,
            cwd=FOLDER,
            env=os.environ | {"WEBHOOK_SECRET": SECRET, "PORT": str(port)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: listens(port), within=20, what=f"{request.param} listens")
        yield port, said
    finally:
        running.kill()
        running.wait()


async def test_it_takes_what_is_signed_and_refuses_the_rest(example):
    port, said = example
    url = f"http://127.0.0.1:{port}/"

    @in_thread
    def prepare(secret):
        to = endpoint(WorkspaceFactory(), url, secret=secret)
        return event_log.append(
            workspace_id=to.workspace_id, type="message", data={"text": "Grüße 👋 </script>"}
        )

    event = await prepare(SECRET)
    await prepare("whsec_" + "REVG" * 12)
    async with courier() as it:
        # Its clock runs a minute ahead, which is within what receivers tolerate.
        await it.until_quiet()

    codes = await in_thread(lambda: sorted(a.status_code for a in Attempt.objects.all()))()
    assert codes == [204, 401]
    eventually(lambda: event.pk in said.read_text(), what="it printed the event")
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(url, content=b"{}")).status_code == 401
