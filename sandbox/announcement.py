"""network.json: how others find a running sandbox. It exists exactly while the sandbox listens."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NETWORK_FILE = "network.json"
CA_FILE = "ca.pem"


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step; only the owner can read it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def announce(directory: Path, document: Mapping[str, Any]) -> None:
    """Write network.json."""
    write_private(directory / NETWORK_FILE, json.dumps(document, indent=2).encode())


def withdraw(directory: Path) -> None:
    """Remove network.json."""
    (directory / NETWORK_FILE).unlink(missing_ok=True)
