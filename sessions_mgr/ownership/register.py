"""Reads the leases of all nodes from the bus, as somebody who holds none.

A node renews its lease every few seconds, so the time of the entry is the node's heartbeat.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.utils.dateparse import parse_datetime

from ..bus.client import BusUnavailable, NoResponders
from ..bus.streams import NODE_LEASES
from .members import Member

STREAM = f"KV_{NODE_LEASES}"
INFO = f"$JS.API.STREAM.INFO.{STREAM}"
LAST = f"$JS.API.STREAM.MSG.GET.{STREAM}"
PATIENCE = 1.0  # seconds per question
AWAY = (BusUnavailable, NoResponders, TimeoutError)


class Asks(Protocol):
    def request(self, subject: str, payload: dict[str, Any], timeout: float) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One lease, and when it was renewed last."""

    member: Member
    renewed_at: datetime | None


def read(bus: Asks) -> dict[str, Entry]:
    """The living nodes by name; none while the bus has never seen one. Raises what `AWAY` names."""
    info = bus.request(INFO, {"subjects_filter": ">"}, PATIENCE)
    subjects = (info.get("state") or {}).get("subjects") or {}
    found = {}
    for subject in subjects:
        entry = _entry(bus.request(LAST, {"last_by_subj": subject}, PATIENCE))
        if entry is not None:
            found[entry.member.node] = entry
    return found


def _entry(answer: dict[str, Any]) -> Entry | None:
    """None for a lease that was given back, or ended while we asked."""
    message = answer.get("message") or {}
    if not message.get("data"):
        return None
    node = str(message["subject"]).rpartition(".")[2]
    try:
        member = Member.from_json(base64.b64decode(message["data"]))
    except ValueError:
        member = Member.unreadable(node)
    return Entry(member, parse_datetime(message.get("time", "")))
