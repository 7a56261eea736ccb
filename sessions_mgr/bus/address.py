"""Where the bus is: NATS_URL, or what our own nats-server wrote down when it started."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class BusAddress:
    url: str
    token: str


def address_file() -> Path:
    return Path(settings.NATS_DIR) / "server.json"


def find() -> BusAddress | None:
    """The address, or None while our own server has never been started."""
    if settings.NATS_URL:
        return BusAddress(settings.NATS_URL, settings.NATS_TOKEN)
    try:
        known = json.loads(address_file().read_text())
    except (OSError, ValueError):
        return None
    return BusAddress(f"nats://127.0.0.1:{known['port']}", known["token"])
