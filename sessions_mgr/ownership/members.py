"""What a node writes into its lease, and what that proves about it."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..supervision.processes import Process


@dataclass(frozen=True, slots=True)
class Member:
    """One living node."""

    node: str
    instance: str  # random, of this process
    host: str  # this boot of this machine, as far as process ids reach
    pid: int
    process_started: float
    started_at: str
    capacity: int  # numbers it may run; 0: no limit
    store: str  # nodes with the same one can reach the same credentials
    draining: bool = False

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Member:
        """Raises ValueError when a node of another version wrote something else."""
        try:
            raw = json.loads(text)
            return cls(**{name: raw[name] for name in cls.__dataclass_fields__})
        except (TypeError, KeyError) as exc:
            raise ValueError(f"not a lease: {exc}") from exc

    @classmethod
    def unreadable(cls, node: str) -> Member:
        """A node of another version: it lives, and that is all we know."""
        return cls(node, "", "", 0, 0.0, "", 0, "")

    def drained(self, draining: bool) -> Member:
        return replace(self, draining=draining)


def this_host() -> str:
    """Names what process ids mean: the boot of the machine and its namespace of ids."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return f"{socket.gethostname()}-{os.getpid()}"  # proves nothing about others
    return f"{boot}/{space}"


def is_dead(member: Member) -> bool:
    """Proven: it ran on this host and does not any more. False when that cannot be told."""
    return member.host == this_host() and not _process(member).alive()


def is_alive_here(member: Member) -> bool:
    return member.host == this_host() and _process(member).alive()


def _process(member: Member) -> Process:
    return Process(member.pid, member.process_started)
