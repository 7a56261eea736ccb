"""How fast one number may send. Pure: rules and what happened in, a time out.

A number that writes to many strangers at once, or without a pause, looks like a robot to WhatsApp.
Times are datetimes with a zone; spans are in the unit that their name ends in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

NEW_CHAT_WINDOW = timedelta(hours=1)
TYPING_MOST_MS = 15_000
FIRST_PAUSE = timedelta(seconds=30)  # after WhatsApp said "too fast"
LONGEST_PAUSE = timedelta(minutes=30)
FORGIVEN_AFTER = timedelta(hours=1)  # without such an answer the next pause is a first one again


@dataclass(frozen=True, slots=True)
class Rules:
    """What a person set. The defaults slow nothing down."""

    min_gap_ms: int = 0  # between the starts of two messages
    new_chats_per_hour: int = 0  # first messages to people and groups; 0: no limit
    typing: bool = False  # show "typing…" before a text
    typing_ms_per_character: int = 40
    typing_max_ms: int = 5_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What happened so far. `new_chats`: when the first messages of the last hour went."""

    last_started_at: datetime | None = None
    new_chats: tuple[datetime, ...] = ()  # ascending
    paused_until: datetime | None = None


def earliest_start(rules: Rules, standing: Standing, *, now: datetime, new_chat: bool) -> datetime:
    """When the next message may begin; never before `now`."""
    start = now
    if standing.paused_until is not None:
        start = max(start, standing.paused_until)
    if rules.min_gap_ms and standing.last_started_at is not None:
        start = max(start, standing.last_started_at + timedelta(milliseconds=rules.min_gap_ms))
    if new_chat and rules.new_chats_per_hour:
        recent = [at for at in standing.new_chats if at > now - NEW_CHAT_WINDOW]
        if len(recent) >= rules.new_chats_per_hour:
            oldest_that_counts = recent[-rules.new_chats_per_hour]
            start = max(start, oldest_that_counts + NEW_CHAT_WINDOW)
    return start


def typing_time(rules: Rules, text: str) -> timedelta:
    """How long "typing…" is shown before `text`: longer for longer texts, and bounded."""
    if not rules.typing or not text:
        return timedelta()
    most = min(rules.typing_max_ms, TYPING_MOST_MS)
    return timedelta(milliseconds=min(len(text) * rules.typing_ms_per_character, most))


def pause_after(strikes: int) -> timedelta:
    """The pause after the n-th "too fast" in a row, counted from 1: 30 s, 1 min, … 30 min."""
    doublings: int = 2 ** min(strikes - 1, 10)
    return min(LONGEST_PAUSE, FIRST_PAUSE * doublings)
