"""The embedded nats-server: configuration, command line, readiness. The launcher supervises it.

`sync_interval: always` makes a publish acknowledgement mean "on disk". The server listens on
loopback only, wants a token, and keeps its port over restarts so that clients find it again.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import sys
import time
from pathlib import Path

from . import address

READY_TIMEOUT = 10.0  # seconds


class ServerMissing(Exception):
    """No nats-server binary: install the requirements, or set NATS_URL."""


def binary() -> str:
    beside_python = Path(sys.executable).with_name("nats-server")
    found = str(beside_python) if beside_python.exists() else shutil.which("nats-server")
    if not found:
        raise ServerMissing("no nats-server found; install requirements/base.txt or set NATS_URL")
    return found


def prepare(folder: Path) -> list[str]:
    """Write the configuration into `folder` and return the command that runs the server."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = _known(folder)
    config = folder / "nats.conf"
    _write_private(
        config,
        "\n".join(
            [
                f'listen: "127.0.0.1:{known["port"]}"',
                f'authorization {{ token: "{known["token"]}" }}',
                "max_payload: 8MB",
                f"log_file: {json.dumps(str(folder / 'nats.log'))}",
                "logfile_size_limit: 10MB",
                "logfile_max_num: 2",
                "jetstream {",
                f"  store_dir: {json.dumps(str(folder / 'jetstream'))}",
                "  sync_interval: always",
                "}",
                "",
            ]
        ),
    )
    return [binary(), "--config", str(config)]


def _known(folder: Path) -> dict[str, object]:
    """Port and token: those of the last start while the port is free, else new ones."""
    path = folder / "server.json"
    try:
        known = json.loads(path.read_text())
        port, token = int(known["port"]), str(known["token"])
    except (OSError, ValueError, KeyError):
        port, token = 0, secrets.token_urlsafe(32)
    if not port or not _is_free(port):
        port = _free_port()
    known = {"port": port, "token": token}
    _write_private(path, json.dumps(known))
    return known


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def wait_until_ready(timeout: float = READY_TIMEOUT) -> bool:
    """True once the server greets; False after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if greets():
            return True
        time.sleep(0.02)
    return False


def greets() -> bool:
    """A nats-server says INFO to whoever connects."""
    found = address.find()
    if found is None:
        return False
    host, _, port = found.url.rpartition("/")[2].rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1.0) as connection:
            connection.settimeout(1.0)
            return connection.recv(4) == b"INFO"
    except (OSError, ValueError):
        return False
