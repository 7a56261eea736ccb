"""What the supervisor needs from others, and the words they use: shapes only, no behaviour.

`Registry` is implemented by node.py over the database, `Workers` by zygote_client.py over real
processes; tests implement both in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from .plan import GiveUp, Wanted


@dataclass(frozen=True, slots=True)
class Assignment:
    """Leave to start one worker: the epoch it holds and everything that it needs."""

    epoch: int
    document: str  # its configuration, JSON
    log: Path


@dataclass(frozen=True, slots=True)
class End:
    """How one worker ended. `retry_in` is None when nothing is to follow by itself."""

    epoch: int
    exit: str  # a name from exits.describe
    detail: str
    final: bool
    retry_in: float | None


class Registry(Protocol):
    """What the supervisor asks of the rest of the product, and tells it. May raise; is retried."""

    def wanted(self) -> Mapping[UUID, Wanted]: ...

    def assign(self, account: UUID, wanted: Wanted) -> Assignment | None:
        """Take the next epoch of the account. None: somebody else was faster."""
        ...

    def ended(self, account: UUID, end: End) -> None: ...

    def gave_up(self, order: GiveUp) -> None: ...

    def unlinked(self, account: UUID, epoch: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A worker is alive."""

    account: UUID
    rss_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker is gone. `status` as subprocess gives it; None when nobody could wait for it."""

    account: UUID
    status: int | None
    said: str = ""  # the exit that it announced itself
    detail: str = ""


class Workers(Protocol):
    """The processes. None of the verbs waits; what came of them is in a later `poll`."""

    def spawn(self, account: UUID, assignment: Assignment) -> None: ...

    def stop(self, account: UUID) -> None: ...

    def unlink(self, account: UUID) -> None: ...

    def kill(self, account: UUID) -> None: ...

    def poll(self, timeout: float) -> Sequence[Heard | Ended]:
        """What happened; waits for at most `timeout` seconds, and returns when woken."""
        ...

    def wake(self) -> None:
        """Make `poll` return. From any thread or signal handler."""
        ...
