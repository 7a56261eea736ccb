"""The lease: what it does next, when it gives up, and what it believes of others."""

from __future__ import annotations

import pytest

from sessions_mgr.ownership.lease import Do, Holder, Lease, Terms

TTL = 15.0


@pytest.fixture
def lease():
    return Lease(Terms(TTL), "me")


def gain(lease, at, revision=1):
    assert lease.step(at).do is Do.LOOK
    lease.saw(None, at)
    assert lease.step(at).do is Do.CREATE
    lease.stored(revision, sent=at, now=at)


def test_a_free_name_is_looked_at_then_created_then_renewed_every_third_of_the_ttl(lease):
    gain(lease, 100.0)

    assert lease.held(100.0)
    assert lease.step(100.0).do is Do.WAIT
    assert lease.step(104.9).at == 105.0
    step = lease.step(105.0)
    assert (step.do, step.revision) == (Do.RENEW, 1)


def test_it_counts_from_the_sending_because_the_bus_counts_from_later(lease):
    lease.step(100.0)
    lease.saw(None, 100.0)
    lease.stored(1, sent=100.0, now=101.9)

    assert lease.kill_at == 100.0 + TTL * 5 / 6
    assert not lease.held(110.0)


def test_without_renewal_it_yields_then_kills_and_all_before_the_others_may_act(lease):
    gain(lease, 100.0)

    assert lease.held(109.9)
    assert not lease.held(110.0)
    assert lease.kill_at == 112.5
    assert lease.kill_at < 100.0 + TTL


def test_a_missed_renewal_is_tried_again_soon_and_not_at_the_next_third(lease):
    gain(lease, 100.0)
    lease.missed(107.0)

    assert lease.step(107.0).do is Do.WAIT
    assert lease.step(107.5).do is Do.RENEW


def test_a_bus_that_is_away_for_two_seconds_changes_nothing(lease):
    gain(lease, 100.0)
    for moment in (105.0, 105.5, 106.0, 106.5, 107.0):
        lease.missed(moment)
    lease.stored(2, sent=107.5, now=107.5)

    assert (lease.held(107.5), lease.token(107.5)) == (True, 1)


def test_a_lease_that_is_gained_again_has_another_token(lease):
    gain(lease, 100.0)
    assert lease.token(100.0) == 1
    assert lease.token(110.0) is None

    lease.stored(2, sent=130.0, now=130.0)

    assert lease.token(130.0) == 2


def test_a_renewal_whose_acknowledgement_was_lost_is_found_again(lease):
    gain(lease, 100.0)
    lease.missed(105.0)
    lease.overtaken()
    assert lease.step(105.5).do is Do.LOOK

    lease.saw(Holder("me", 2), 105.5)

    step = lease.step(105.5)
    assert (step.do, step.revision) == (Do.RENEW, 2)
    assert lease.token(105.5) == 1


def test_a_predecessor_that_is_proven_dead_is_replaced_at_once(lease):
    lease.step(100.0)
    lease.saw(Holder("old", 7, dead=True), 100.0)

    step = lease.step(100.0)
    assert (step.do, step.revision) == (Do.RENEW, 7)


def test_a_name_whose_process_lives_on_this_machine_is_refused_at_once(lease):
    lease.step(100.0)
    lease.saw(Holder("other", 7, alive=True), 100.0)

    assert lease.refused


def test_a_name_that_is_renewed_while_we_look_on_is_refused(lease):
    lease.step(100.0)
    lease.saw(Holder("other", 7), 100.0)
    assert not lease.refused

    lease.saw(Holder("other", 8), 105.0)

    assert lease.refused


def test_a_name_whose_holder_is_silent_is_taken_when_its_entry_is_gone(lease):
    for moment in (100.0, 105.0, 110.0):
        lease.saw(Holder("other", 7), moment)
    assert not lease.refused

    lease.saw(None, 115.0)

    assert lease.step(115.0).do is Do.CREATE


def test_a_node_that_finds_another_under_its_name_is_fenced_in_the_same_moment(lease):
    gain(lease, 100.0)
    lease.overtaken()
    lease.saw(Holder("other", 9), 105.0)

    assert not lease.held(105.0)
    assert lease.kill_at < 105.0


def test_an_entry_that_is_gone_before_its_time_says_that_the_bus_forgot(lease):
    gain(lease, 100.0)
    lease.overtaken()
    lease.saw(None, 105.0)

    assert lease.vanished_at == 105.0


def test_an_entry_that_is_gone_after_its_time_says_nothing_about_the_bus(lease):
    gain(lease, 100.0)
    lease.overtaken()
    lease.saw(None, 120.0)

    assert lease.vanished_at is None


def test_news_for_the_entry_are_stored_now(lease):
    gain(lease, 100.0)
    lease.hurry()

    assert lease.step(100.1).do is Do.RENEW


@pytest.mark.parametrize("ttl", [2.0, 6.0, 15.0, 300.0])
def test_the_moments_are_in_order_for_every_ttl(ttl):
    terms = Terms(ttl)

    assert terms.retry_after < terms.renew_after < terms.yield_after < terms.kill_after < ttl
