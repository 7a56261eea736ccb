"""The table of transitions, looked at as a whole."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_mgr.management.commands import draw_states
from sessions_mgr.reasons import SENTENCES, sentence
from sessions_mgr.states import ACTIVE, SIGNALS, TRANSITIONS, Signal, Status, next_status


def test_every_status_has_a_row():
    assert set(TRANSITIONS) == set(Status)


@pytest.mark.parametrize("status", Status)
def test_disconnect_leads_to_disconnected_from_every_status_but_itself(status):
    expected = None if status == Status.DISCONNECTED else Status.DISCONNECTED
    assert next_status(status, Signal.DISCONNECT) == expected


@pytest.mark.parametrize("status", sorted(set(Status) - ACTIVE))
def test_connect_starts_whatever_is_at_rest(status):
    assert next_status(status, Signal.CONNECT) == Status.STARTING


@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_connect_changes_nothing_that_is_active(status):
    assert next_status(status, Signal.CONNECT) is None


@pytest.mark.parametrize("status", sorted(set(Status) - ACTIVE))
@pytest.mark.parametrize(
    "signal",
    [Signal.CODE, Signal.PAIRED, Signal.CONNECTED, Signal.LINE_LOST, Signal.WORKER_LOST],
)
def test_what_a_worker_says_cannot_wake_a_session_at_rest(status, signal):
    assert next_status(status, signal) is None


@given(st.lists(st.sampled_from(Signal)))
def test_no_sequence_of_signals_leaves_the_table(signals):
    status = Status.DISCONNECTED
    for signal in signals:
        status = next_status(status, signal) or status
        assert status in TRANSITIONS


@given(st.lists(st.sampled_from(Signal)))
def test_connected_is_only_reached_by_a_worker_that_says_so(signals):
    status = Status.DISCONNECTED
    for signal in signals:
        after = next_status(status, signal) or status
        if after == Status.CONNECTED and status != Status.CONNECTED:
            assert signal == Signal.CONNECTED
        status = after


def test_every_reason_that_a_fact_gives_has_a_sentence():
    for _, reason in SIGNALS.values():
        assert not reason or sentence(reason)


def test_sentences_end_like_sentences():
    assert all(text.endswith(".") for text in SENTENCES.values())


def test_the_documentation_is_drawn_from_the_table():
    drawn = (Path(__file__).parents[2] / "docs" / "states.md").read_text()

    assert drawn == draw_states.page(), "run manage.py draw_states"


def test_every_reason_is_explained_to_operators():
    told = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()

    assert [code for code in SENTENCES if f"`{code}`" not in told] == []
