from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_mgr.supervision.plan import (
    Facts,
    FinishUnlink,
    GiveUp,
    Kill,
    Limits,
    Rest,
    Running,
    Spawn,
    StartRate,
    Stop,
    Unlink,
    Wanted,
    next_moment,
    plan,
    rest_after,
)

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)
W = UUID(int=99)
NOW = 1000.0
LIMITS = Limits(grace=6, silence=30, unlink=20, crash_budget=3, rss_bytes=500)
CONNECT = Wanted(W, epoch=7)
UNLINK = Wanted(W, epoch=7, mode="unlink")
ALIVE = Running(epoch=7, started=NOW - 50, heard=NOW - 1)


@pytest.mark.parametrize(
    ("wanted", "running", "resting", "orders"),
    [
        pytest.param({A: CONNECT}, {}, {}, [Spawn(A)], id="wanted and absent: spawn"),
        pytest.param({A: CONNECT}, {A: ALIVE}, {}, [], id="wanted and running: leave alone"),
        pytest.param({}, {A: ALIVE}, {}, [Stop(A, "no longer wanted")], id="unwanted: stop"),
        pytest.param(
            {A: CONNECT},
            {A: replace(ALIVE, epoch=6)},
            {},
            [Stop(A, "epoch 6 is over")],
            id="a newer epoch is wanted: stop, and no second worker beside it",
        ),
        pytest.param(
            {}, {A: replace(ALIVE, stopping_since=NOW - 1)}, {}, [], id="within grace: wait"
        ),
        pytest.param(
            {A: CONNECT},
            {A: replace(ALIVE, stopping_since=NOW - 6)},
            {},
            [Kill(A, "did not stop within 6 s")],
            id="grace over: kill, even if it is wanted again",
        ),
        pytest.param(
            {A: CONNECT},
            {A: replace(ALIVE, heard=NOW - 31)},
            {},
            [Kill(A, "silent for 31 s")],
            id="no heartbeat: kill",
        ),
        pytest.param({}, {A: replace(ALIVE, killed=True)}, {}, [], id="killed: its end follows"),
        pytest.param(
            {A: CONNECT},
            {A: replace(ALIVE, rss_bytes=501 + 2**20)},
            {},
            [Stop(A, "grew to 1 MiB")],
            id="grown: replace it",
        ),
        pytest.param(
            {A: CONNECT}, {}, {A: Rest(7, until=NOW + 1)}, [], id="just crashed: let it rest"
        ),
        pytest.param({A: CONNECT}, {}, {A: Rest(7, until=NOW)}, [Spawn(A)], id="rested: spawn"),
        pytest.param(
            {A: CONNECT},
            {},
            {A: Rest(6, until=NOW + 99, crashes=9)},
            [Spawn(A)],
            id="a newer epoch forgets the failures of older ones",
        ),
        pytest.param(
            {A: CONNECT},
            {},
            {A: Rest(7, until=NOW + 9, failures=3, crashes=3, last_exit="SIGABRT")},
            [GiveUp(A, 7, "crash_loop", "3 starts failed, the last one with SIGABRT")],
            id="crash budget used up: give up",
        ),
        pytest.param(
            {A: CONNECT},
            {},
            {A: Rest(7, until=NOW, failures=3, crashes=3, last_exit="internal")},
            [GiveUp(A, 7, "internal", "3 starts failed, the last one with internal")],
            id="the same for our own errors, under their own name",
        ),
        pytest.param(
            {A: CONNECT},
            {},
            {A: Rest(7, until=NOW, failures=50, crashes=0, last_exit="line_unreachable")},
            [Spawn(A)],
            id="an unreachable line never uses up the budget",
        ),
        pytest.param(
            {A: UNLINK},
            {A: replace(ALIVE, epoch=6)},
            {},
            [Unlink(A)],
            id="unlink: the running worker does it, whatever its epoch",
        ),
        pytest.param(
            {A: UNLINK},
            {A: replace(ALIVE, unlinking_since=NOW - 20)},
            {},
            [Stop(A, "could not unlink in time")],
            id="unlink deadline: stop",
        ),
    ],
)
def test_the_plan(wanted, running, resting, orders):
    assert plan(Facts(wanted, running, resting), LIMITS, NOW) == orders


def test_an_unlink_that_never_worked_is_finished_on_our_side_alone():
    facts = Facts({A: UNLINK}, {}, unlink_asked={A: NOW - 20})
    assert plan(facts, LIMITS, NOW) == [FinishUnlink(A, 7)]


def test_starts_beyond_the_rate_wait_and_people_go_first():
    wanted = {A: CONNECT, B: CONNECT, C: CONNECT}
    facts = Facts(wanted, {}, hurried={C}, starts_allowed=2)
    assert plan(facts, LIMITS, NOW) == [Spawn(C), Spawn(A)]


def test_stops_are_not_subject_to_the_start_rate():
    facts = Facts({}, {A: ALIVE, B: ALIVE}, starts_allowed=0)
    assert len(plan(facts, LIMITS, NOW)) == 2


def test_the_next_moment_is_the_first_thing_that_time_alone_will_change():
    facts = Facts({A: CONNECT}, {B: replace(ALIVE, heard=NOW)}, {A: Rest(7, until=NOW + 4)})
    assert next_moment(facts, LIMITS, NOW) == NOW + 4


def test_rests_double_up_to_five_minutes_with_jitter():
    assert [rest_after(n, 0.0) for n in (1, 2, 3, 9, 10, 99)] == [1, 2, 4, 256, 300, 300]
    assert rest_after(1, 1.0) == 1.25


def test_the_start_rate_allows_a_burst_and_then_a_trickle():
    rate, started = StartRate(burst=10, per_second=5.0), []
    for tenth in range(100, 120):
        now = tenth / 10
        for _ in range(rate.allowed(now)):
            rate.take()
            started.append(now)
    assert started.count(10.0) == 10
    assert len(started) == 10 + int(1.9 * 5)


def running_workers():
    return st.builds(
        Running,
        epoch=st.integers(1, 3),
        started=st.just(NOW - 60),
        heard=st.floats(NOW - 60, NOW),
        stopping_since=st.none() | st.floats(NOW - 60, NOW),
        unlinking_since=st.none() | st.floats(NOW - 60, NOW),
        killed=st.booleans(),
        rss_bytes=st.integers(0, 1000),
    )


accounts = st.integers(1, 6).map(lambda n: UUID(int=n))
facts_of_all_kinds = st.builds(
    Facts,
    wanted=st.dictionaries(
        accounts,
        st.builds(
            Wanted, st.just(W), st.integers(1, 3), mode=st.sampled_from(["connect", "unlink"])
        ),
    ),
    running=st.dictionaries(accounts, running_workers()),
    resting=st.dictionaries(
        accounts,
        st.builds(Rest, st.integers(1, 3), st.floats(NOW - 9, NOW + 9), crashes=st.integers(0, 4)),
    ),
    unlink_asked=st.dictionaries(accounts, st.floats(NOW - 60, NOW)),
    hurried=st.frozensets(accounts),
    starts_allowed=st.integers(0, 4),
)


@given(facts_of_all_kinds)
def test_whatever_is_true_no_account_gets_a_second_worker(facts):
    spawned = [o.account for o in plan(facts, LIMITS, NOW) if isinstance(o, Spawn)]
    assert not set(spawned) & facts.running.keys()
    assert len(spawned) == len(set(spawned))


@given(facts_of_all_kinds)
def test_whatever_is_true_nothing_starts_over_the_rate_or_unwanted(facts):
    spawned = {o.account for o in plan(facts, LIMITS, NOW) if isinstance(o, Spawn)}
    assert len(spawned) <= facts.starts_allowed
    assert spawned <= facts.wanted.keys()


@given(facts_of_all_kinds)
def test_whatever_is_true_an_account_gets_at_most_one_order(facts):
    accounts_with_orders = [o.account for o in plan(facts, LIMITS, NOW)]
    assert len(accounts_with_orders) == len(set(accounts_with_orders))


@given(facts_of_all_kinds)
def test_a_worker_that_is_over_never_outlives_its_grace(facts):
    orders = {o.account: o for o in plan(facts, LIMITS, NOW)}
    for account, worker in facts.running.items():
        overdue = worker.stopping_since is not None and NOW - worker.stopping_since >= LIMITS.grace
        if overdue and not worker.killed:
            assert isinstance(orders[account], Kill)
