"""Who must be told of an event in the transaction that writes it, and who still needs it kept.

This app does not know its followers. They register when Django starts, as carriers of hints do.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from .models import Event


class Follower(Protocol):
    def appended(self, event: Event) -> None:
        """Runs in the transaction of the event. Raising undoes the event: write rows, no more."""
        ...

    def needs_from(self, workspace_id: UUID) -> int | None:
        """The oldest seq that retention must keep for this follower; None when it needs none."""
        ...


_followers: list[Follower] = []


def register(follower: Follower) -> None:
    if follower not in _followers:
        _followers.append(follower)


def tell(event: Event) -> None:
    for follower in _followers:
        follower.appended(event)


def oldest_needed(workspace_id: UUID) -> int | None:
    needs = [follower.needs_from(workspace_id) for follower in _followers]
    return min((seq for seq in needs if seq is not None), default=None)
