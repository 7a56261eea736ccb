"""When the next message may go: rules and history in, a time out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from messaging.outbox.pacing import (
    LONGEST_PAUSE,
    Rules,
    Standing,
    earliest_start,
    pause_after,
    typing_time,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


def start(rules: Rules, standing: Standing, *, new_chat: bool = False) -> datetime:
    return earliest_start(rules, standing, now=NOW, new_chat=new_chat)


def test_without_rules_everything_goes_at_once():
    assert start(Rules(), Standing(last_started_at=NOW), new_chat=True) == NOW


def test_a_gap_is_kept_after_the_last_start():
    rules = Rules(min_gap_ms=1_500)
    assert start(rules, Standing(last_started_at=NOW - seconds(1))) == NOW + seconds(0.5)
    assert start(rules, Standing(last_started_at=NOW - seconds(9))) == NOW


def test_the_nth_new_chat_waits_until_the_first_is_an_hour_old():
    rules = Rules(new_chats_per_hour=2)
    standing = Standing(new_chats=(NOW - seconds(3_000), NOW - seconds(10)))
    assert start(rules, standing, new_chat=True) == NOW + seconds(600)
    assert start(rules, standing, new_chat=False) == NOW


def test_a_lowered_cap_counts_what_went_before():
    standing = Standing(new_chats=tuple(NOW - seconds(n) for n in (300, 200, 100)))
    assert start(Rules(new_chats_per_hour=1), standing, new_chat=True) == NOW + seconds(3_500)


def test_new_chats_older_than_an_hour_do_not_count():
    standing = Standing(new_chats=(NOW - seconds(3_601),))
    assert start(Rules(new_chats_per_hour=1), standing, new_chat=True) == NOW


def test_a_pause_holds_everything_back():
    paused = Standing(paused_until=NOW + seconds(30))
    assert start(Rules(), paused) == NOW + seconds(30)


def test_pauses_grow_and_end():
    spans = [pause_after(n).total_seconds() for n in range(1, 20)]
    assert spans[:4] == [30, 60, 120, 240]
    assert spans == sorted(spans)
    assert spans[-1] == LONGEST_PAUSE.total_seconds()


def test_typing_is_longer_for_longer_texts_and_bounded():
    rules = Rules(typing=True, typing_ms_per_character=50, typing_max_ms=4_000)
    assert typing_time(rules, "x" * 10) == seconds(0.5)
    assert typing_time(rules, "x" * 65_536) == seconds(4)
    assert typing_time(Rules(typing=True, typing_max_ms=10**9), "x" * 65_536) == seconds(15)
    assert typing_time(Rules(), "hello") == typing_time(rules, "") == timedelta()


@given(
    gap=st.integers(0, 60_000),
    cap=st.integers(0, 20),
    last=st.integers(0, 4_000),
    chats=st.lists(st.integers(0, 4_000), max_size=30),
)
def test_following_the_answer_never_breaks_the_rules(gap, cap, last, chats):
    rules = Rules(min_gap_ms=gap, new_chats_per_hour=cap)
    standing = Standing(NOW - seconds(last), tuple(NOW - seconds(n) for n in sorted(chats)[::-1]))
    when = start(rules, standing, new_chat=True)
    assert when >= NOW
    assert when - (NOW - seconds(last)) >= timedelta(milliseconds=gap)
    if cap:
        assert sum(at > when - timedelta(hours=1) for at in standing.new_chats) < max(cap, 1)
