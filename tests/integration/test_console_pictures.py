"""The pictures and sentences that the pages are made of: pure functions, no database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.utils.html import strip_tags

from console.pictures import PLOT_HEIGHT, QUARTERS, Change, hourly_plot, qr_svg, status_strip
from console.statuses import FACES, GROUPS, main_button, other_buttons
from console.summaries import marked_json, summary
from events import types
from sessions_mgr.reasons import SENTENCES
from sessions_mgr.states import Status

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)


def strip(*changes: Change, current: str = "connected", born: datetime = LONG_AGO):
    return status_strip(changes, current=current, born=born, now=NOW)


def test_a_quiet_day_is_one_bar():
    (bar,) = strip()
    assert (bar.x, bar.width, bar.hue) == (0, QUARTERS, "good")


def test_a_short_loss_colours_its_quarter():
    at = NOW - timedelta(hours=2, minutes=5)
    bars = strip(
        Change(at, "connected", "reconnecting"),
        Change(at + timedelta(seconds=20), "reconnecting", "connected"),
    )
    assert [bar.hue for bar in bars] == ["good", "warn", "good"]
    assert bars[1].width == 1
    assert sum(bar.width for bar in bars) == QUARTERS


def test_a_change_before_the_day_does_not_count():
    (bar,) = strip(Change(LONG_AGO, "disconnected", "failed"), current="failed")
    assert bar.hue == "bad"


def test_the_time_before_a_number_existed_stays_empty():
    bars = strip(born=NOW - timedelta(hours=1))
    assert bars[0].x == QUARTERS - 4
    assert sum(bar.width for bar in bars) == 4


def test_one_message_is_visible_next_to_thousands():
    hours = hourly_plot([(NOW, 10_000, 1), (NOW, 0, 0)])
    assert hours[0].in_height == PLOT_HEIGHT
    assert hours[0].out_height >= 2
    assert hours[1].in_height == 0


def test_an_empty_day_has_no_columns():
    assert all(hour.in_height == hour.out_height == 0 for hour in hourly_plot([(NOW, 0, 0)] * 24))


def test_the_code_is_dark_on_light_with_a_quiet_zone():
    picture = qr_svg("2@abc,def,ghi,jkl")
    assert 'fill="#fff"' in picture
    assert 'stroke="#111" d="M4 4.5' in picture
    assert "style" not in picture


def test_every_status_has_a_face_of_its_own_shape_and_belongs_to_one_group():
    assert set(FACES) == set(Status)
    assert len({face.icon for face in FACES.values()}) == len(Status)
    grouped = [status for _words, statuses in GROUPS.values() for status in statuses]
    assert sorted(grouped) == sorted(Status)


@pytest.mark.parametrize("status", Status.values)
@pytest.mark.parametrize("reason", ["", *SENTENCES])
def test_every_state_leads_somewhere(status, reason):
    buttons = [main_button(status, reason), *other_buttons(status)]
    assert any(buttons)


@pytest.mark.parametrize("kind", sorted(types.ALL))
def test_every_event_has_a_sentence_even_without_data(kind):
    told = summary(kind, {})
    assert told
    assert told != kind


def test_an_unknown_event_is_told_by_its_type():
    assert summary("future.event", {"x": 1}) == "future.event"


@pytest.mark.parametrize(
    "value",
    [
        {"a": 'quote " and \\ back', "b": [1, -2.5e10, True, None], "c": {"<b>": "</script>"}},
        {"text": "line\nbreak and ünïcode 🙂"},
        [],
    ],
)
def test_marked_json_is_the_json_and_nothing_else(value):
    marked = marked_json(value)
    assert "<b>" not in marked
    assert json.loads(unescape(strip_tags(marked))) == value
