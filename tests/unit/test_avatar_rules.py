"""When WhatsApp is asked for a picture, with a clock that the test holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from messaging.avatars import images
from messaging.avatars.rules import (
    FIRST_POISON,
    FRESH,
    FRESH_WITHOUT,
    LONGEST_POISON,
    LONGEST_REST,
    Known,
    Step,
    next_step,
    poison_after,
    rest_after,
)

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("known", "step"),
    [
        pytest.param(Known(), Step.ASK, id="never asked"),
        pytest.param(Known(found=True, fetched_at=NOW - HOUR), Step.KEEP, id="fresh"),
        pytest.param(Known(found=True, fetched_at=NOW - FRESH - SECOND), Step.LATER, id="old"),
        pytest.param(Known(fetched_at=NOW - HOUR), Step.KEEP, id="there was none an hour ago"),
        pytest.param(
            Known(fetched_at=NOW - FRESH_WITHOUT - SECOND), Step.LATER, id="there was none"
        ),
        pytest.param(
            Known(found=True, fetched_at=NOW - HOUR, changed_at=NOW - SECOND),
            Step.ASK,
            id="WhatsApp says that it is another one",
        ),
        pytest.param(
            Known(found=True, fetched_at=NOW - SECOND, changed_at=NOW - HOUR),
            Step.KEEP,
            id="it changed before we saw it",
        ),
        pytest.param(Known(failed_at=NOW - SECOND, failures=1), Step.KEEP, id="failed just now"),
        pytest.param(Known(failed_at=NOW - HOUR, failures=1), Step.ASK, id="failed long ago"),
        pytest.param(Known(changed_at=NOW, poisoned_until=NOW + SECOND), Step.KEEP, id="poisoned"),
        pytest.param(Known(poisoned_until=NOW), Step.ASK, id="poisoned no longer"),
    ],
)
def test_the_next_step_follows_from_what_is_known(known, step):
    assert next_step(known, NOW) == step


def test_a_failing_picture_is_left_alone_ever_longer():
    rests = [rest_after(n) for n in range(1, 12)]

    assert rests[:3] == [timedelta(seconds=15), timedelta(seconds=30), timedelta(seconds=60)]
    assert rests == sorted(rests)
    assert rests[-1] == LONGEST_REST
    assert rest_after(10**6) == LONGEST_REST


def test_seed_000_a_picture_that_kills_workers_is_left_alone_for_hours_and_ever_longer():
    poisons = [poison_after(n) for n in range(1, 8)]

    assert poisons[0] == FIRST_POISON >= 2 * HOUR
    assert poisons[1] == 4 * poisons[0]
    assert poisons == sorted(poisons)
    assert poisons[-1] == LONGEST_POISON


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"RIFF0000WEBPrest", "image/webp"),
        (b"GIF89arest", "image/gif"),
        (b"<svg onload=alert(1)>", ""),
        (b"<!doctype html>", ""),
        (b"", ""),
    ],
)
def test_what_a_picture_is_is_read_from_its_bytes(data, kind):
    assert images.kind_of(data) == kind


@pytest.mark.parametrize("of", ["person", "group"])
def test_our_own_pictures_are_what_they_say(of):
    assert images.kind_of(images.default(of, "image/png")) == "image/png"
    assert images.default(of, "image/svg+xml").startswith(b"<svg")
