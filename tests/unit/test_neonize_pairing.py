import pytest

from sessions_mgr.engines import base
from sessions_mgr.engines.neonize_pairing import Pairing

NOW = 1_700_000_000.0


def shown(*moments):
    """A round in which codes were shown at these seconds."""
    pairing = Pairing()
    for moment in moments:
        pairing.code_shown(NOW + moment)
    return pairing


def test_the_first_code_lives_a_minute_and_the_others_twenty_seconds():
    pairing = Pairing()
    assert pairing.code_shown(NOW) == (1, NOW + 60)
    assert pairing.code_shown(NOW + 60) == (2, NOW + 80)
    assert pairing.waiting


@pytest.mark.parametrize(
    ("codes", "end", "expired"),
    [
        pytest.param([0, 60, 80], 100, True, id="the last code ran out"),
        pytest.param([0, 60, 80], 85, False, id="the server hung up under a good code"),
        pytest.param([0], 20, True, id="the server gave a single short code"),
        pytest.param([0], 60, True, id="the first of six, and no other came"),
        pytest.param([0], 40, False, id="the server hung up under the long first code"),
        pytest.param([0], 3, False, id="the server hung up at once"),
    ],
)
def test_a_timeout_is_told_from_a_lost_line(codes, end, expired):
    outcome = shown(*codes).ended_with("timeout", NOW + end)
    if expired:
        assert outcome == base.PairingExpired()
    else:
        assert isinstance(outcome, base.EngineError)
        assert outcome.code == "line_unreachable"


@pytest.mark.parametrize(
    ("status", "fact"),
    [
        ("success", None),
        ("passkey-request", base.PasskeyRequired()),
        ("err-client-outdated", base.ClientOutdated()),
        ("err-unexpected-state", base.ConnectRefused("unexpected-state", "during pairing")),
        ("something-new", base.PairingRefused("something-new")),
    ],
)
def test_every_other_end_has_a_fact_of_its_own(status, fact):
    assert shown(0).ended_with(status, NOW + 5) == fact


def test_a_refusal_says_what_whatsmeow_logged_about_it():
    pairing = shown(0)
    pairing.last_error = "Failed to pair device: invalid hmac"
    assert pairing.ended_with("error", NOW) == base.PairingRefused(pairing.last_error)


def test_after_its_end_no_code_can_be_asked_for():
    pairing = shown(0)
    pairing.ended_with("success", NOW)
    assert not pairing.waiting
