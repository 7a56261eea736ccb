import logging
import os
import signal
import threading
from uuid import UUID

import pytest

from sessions_mgr.supervision.plan import Limits, StartRate
from sessions_mgr.supervision.supervisor import HUNG, Supervisor
from sessions_mgr.worker.exits import Exit
from tests.unit.fake_workers import Clock, FakeRegistry, FakeWorkers

A, B = UUID(int=1), UUID(int=2)


def supervisor_of(registry, **more):
    workers, clock = FakeWorkers(), Clock()
    limits = more.pop("limits", Limits(grace=6, silence=30, unlink=20, crash_budget=4))
    supervisor = Supervisor(
        registry=registry, workers=workers, clock=clock, limits=limits, jitter=lambda: 0.0, **more
    )
    return supervisor, workers, clock


def pass_time(supervisor, clock, seconds, step=0.5, *, each=lambda: None):
    for _ in range(int(seconds / step)):
        clock.now += step
        each()
        supervisor.tick()


def test_a_wanted_account_gets_a_worker_under_a_new_epoch():
    supervisor, workers, _ = supervisor_of(FakeRegistry(A))
    supervisor.tick()
    assert workers.alive == {A: [2]}


def test_a_worker_is_started_once():
    supervisor, workers, clock = supervisor_of(FakeRegistry(A))
    pass_time(supervisor, clock, 10, each=lambda: workers.alive and workers.beat(A))
    assert workers.said == [("spawn", A)]


def test_when_somebody_else_was_faster_nothing_is_started():
    registry = FakeRegistry(A)
    registry.faster = True
    supervisor, workers, _ = supervisor_of(registry)
    supervisor.tick()
    assert workers.said == []


def test_a_hint_makes_the_loop_look_at_once():
    registry = FakeRegistry()
    supervisor, workers, _ = supervisor_of(registry)
    supervisor.tick()
    registry.rows = FakeRegistry(A).rows

    supervisor.hint(A)
    assert workers.woken == 1
    supervisor.tick()
    assert workers.said == [("spawn", A)]


def test_without_a_hint_the_poll_finds_it():
    registry = FakeRegistry()
    supervisor, workers, clock = supervisor_of(registry)
    supervisor.tick()
    registry.rows = FakeRegistry(A).rows
    pass_time(supervisor, clock, 2.5)
    assert workers.said == [("spawn", A)]


def test_disconnect_stops_the_worker_and_connect_again_starts_the_next():
    registry = FakeRegistry(A)
    supervisor, workers, _ = supervisor_of(registry)
    supervisor.tick()
    registry.bump(A)  # disconnect and connect, faster than any look

    supervisor.hint(A)
    supervisor.tick()
    supervisor.tick()

    assert workers.said == [("spawn", A), ("stop", A), ("spawn", A)]
    assert workers.alive == {A: [4]}


def test_a_crash_loop_slows_down_and_ends_in_giving_up():
    registry = FakeRegistry(A)
    supervisor, workers, clock = supervisor_of(registry)
    spawned = []

    def crash():
        if workers.alive.get(A):
            spawned.append(clock.now - 1000.0)
            workers.end(A, -6, "panic: nil pointer")

    supervisor.tick()
    pass_time(supervisor, clock, 60, each=crash)

    assert spawned == [0.5, 2.0, 4.5, 9.0]
    assert [end.exit for _, end in registry.ends] == ["SIGABRT"] * 4
    assert [end.retry_in for _, end in registry.ends] == [1.0, 2.0, 4.0, None]
    (order,) = registry.gave_ups
    assert (order.account, order.code) == (A, "crash_loop")


def test_a_worker_that_lived_well_starts_again_after_one_second():
    registry = FakeRegistry(A)
    supervisor, workers, clock = supervisor_of(registry)
    for _ in range(3):
        supervisor.tick()
        pass_time(supervisor, clock, 400, each=lambda: workers.beat(A))
        workers.end(A, -9)
        supervisor.tick()
        clock.now += 1.0
    assert [end.retry_in for _, end in registry.ends] == [1.0, 1.0, 1.0]


def test_a_person_who_connects_again_does_not_wait_for_a_rest():
    registry = FakeRegistry(A)
    supervisor, workers, _ = supervisor_of(registry)
    supervisor.tick()
    workers.end(A, -6)
    supervisor.tick()
    assert workers.said == [("spawn", A)]

    supervisor.hint(A)
    supervisor.tick()
    assert workers.said == [("spawn", A), ("spawn", A)]


@pytest.mark.parametrize("code", [Exit.LOGGED_OUT, Exit.BANNED, Exit.PAIRING_EXPIRED])
def test_after_a_final_end_nothing_follows_by_itself(code):
    registry = FakeRegistry(A)
    supervisor, workers, clock = supervisor_of(registry)
    supervisor.tick()
    workers.end(A, int(code))
    pass_time(supervisor, clock, 30)
    ((_, end),) = registry.ends
    assert (end.exit, end.final, end.retry_in) == (code.name.lower(), True, None)
    assert workers.said == [("spawn", A)]


def test_a_silent_worker_is_killed_and_replaced():
    registry = FakeRegistry(A)
    supervisor, workers, clock = supervisor_of(registry)
    supervisor.tick()
    pass_time(supervisor, clock, 35)
    ((_, end),) = registry.ends
    assert (end.exit, end.detail) == (HUNG, "silent for 30 s")
    assert workers.said == [("spawn", A), ("kill", A), ("spawn", A)]


def test_heartbeats_that_waited_while_the_loop_was_stuck_still_count():
    supervisor, workers, clock = supervisor_of(FakeRegistry(A))
    supervisor.tick()
    clock.now += 90.0  # e.g. a locked database
    workers.beat(A)
    supervisor.tick()
    assert workers.said == [("spawn", A)]


def test_a_worker_that_ignores_stop_is_killed_after_the_grace():
    registry = FakeRegistry(A)
    supervisor, workers, clock = supervisor_of(registry)
    workers.obedient = False
    supervisor.tick()
    registry.rows.clear()
    supervisor.hint()
    pass_time(supervisor, clock, 8, each=lambda: workers.alive[A] and workers.beat(A))
    assert workers.said == [("spawn", A), ("stop", A), ("kill", A)]
    assert registry.ends[0][1].retry_in is None


def test_a_mass_start_is_a_ramp():
    accounts = [UUID(int=n) for n in range(1, 101)]
    supervisor, workers, clock = supervisor_of(
        FakeRegistry(*accounts), rate=StartRate(burst=10, per_second=5.0)
    )
    supervisor.tick()
    assert len(workers.said) == 10
    pass_time(supervisor, clock, 10, step=0.1)
    assert 55 <= len(workers.said) <= 61
    pass_time(supervisor, clock, 10, step=0.1)
    assert sorted(account for _, account in workers.said) == accounts


def test_the_loop_sleeps_until_the_next_start_is_allowed_and_not_longer():
    supervisor, _, _ = supervisor_of(FakeRegistry(A, B), rate=StartRate(burst=1, per_second=5.0))
    supervisor.tick()
    assert supervisor.patience() == pytest.approx(0.2)


def test_the_loop_sleeps_until_the_next_poll_when_nothing_is_due():
    supervisor, _, _ = supervisor_of(FakeRegistry(A))
    supervisor.tick()
    assert supervisor.patience() == pytest.approx(2.0)


def test_unlink_is_done_by_the_running_worker():
    registry = FakeRegistry(A)
    supervisor, workers, _ = supervisor_of(registry)
    supervisor.tick()
    registry.rows = FakeRegistry(A, mode="unlink").rows
    supervisor.hint(A)
    supervisor.tick()
    workers.end(A, int(Exit.UNLINKED))
    supervisor.tick()
    assert workers.said == [("spawn", A), ("unlink", A)]
    assert registry.unlinks == [(A, 1)]


def test_an_unlink_that_whatsapp_never_answers_ends_anyway():
    registry = FakeRegistry(A, mode="unlink")
    supervisor, workers, clock = supervisor_of(registry)
    supervisor.tick()
    pass_time(supervisor, clock, 25, each=lambda: workers.alive[A] and workers.beat(A))
    assert workers.said == [("spawn", A), ("stop", A)]
    assert [account for account, _ in registry.unlinks] == [A]


def test_while_the_database_is_away_what_runs_runs_on():
    registry = FakeRegistry(A)
    supervisor, workers, clock = supervisor_of(registry)
    supervisor.tick()
    registry.down = True
    pass_time(supervisor, clock, 60, each=lambda: workers.beat(A))
    assert workers.said == [("spawn", A)]


def test_an_end_is_reported_late_rather_than_never_and_before_the_next_start():
    registry = FakeRegistry(A)
    supervisor, workers, clock = supervisor_of(registry)
    supervisor.tick()
    registry.down = True
    workers.end(A, -9)
    pass_time(supervisor, clock, 5)
    assert workers.said == [("spawn", A)]

    registry.down = False
    pass_time(supervisor, clock, 3)
    assert [end.exit for _, end in registry.ends] == ["SIGKILL"]
    assert workers.said == [("spawn", A), ("spawn", A)]


def test_a_broken_zygote_is_not_the_fault_of_the_accounts():
    registry = FakeRegistry(A)
    supervisor, workers, clock = supervisor_of(registry)
    workers.broken = True
    pass_time(supervisor, clock, 100)
    assert registry.gave_ups == []
    workers.broken = False
    pass_time(supervisor, clock, 300, each=lambda: workers.alive.get(A) and workers.beat(A))
    assert workers.said == [("spawn", A)]


def test_drain_stops_all_workers_and_starts_none():
    registry = FakeRegistry(A, B)
    supervisor, workers, _ = supervisor_of(registry)
    supervisor.tick()
    supervisor.drain()
    supervisor.run()
    assert workers.alive == {A: [], B: []}
    assert registry.rows.keys() == {A, B}
    assert [end.exit for _, end in registry.ends] == ["stopped", "stopped"]


def test_a_real_sigterm_only_queues_and_the_loop_drains():
    supervisor, workers, _ = supervisor_of(FakeRegistry(A))
    before = signal.getsignal(signal.SIGTERM)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    try:
        supervisor.run()
    finally:
        timer.join(5)
    assert supervisor.draining
    assert workers.alive == {A: []}
    assert signal.getsignal(signal.SIGTERM) is before


def test_seed_002_background_work_always_meets_the_current_client():
    """A reconnect checker once kept the client it was born with and called it after its death.

    Here clients are replaced every few seconds for ten minutes: by people, by crashes, by hangs.
    Whoever wants the client asks for the current one, and there is never more than one.
    """
    registry = FakeRegistry(A)
    supervisor, workers, clock = supervisor_of(registry, limits=Limits(crash_budget=10**6))
    met, most_alive, replaced = set(), 0, 0

    def replace_now_and_then():
        nonlocal replaced
        moment = int(clock.now * 2)
        if workers.alive.get(A):
            workers.beat(A)
            if moment % 7 == 0:
                registry.bump(A)  # a person reconnects
                supervisor.hint(A)
                replaced += 1
            elif moment % 17 == 0:
                workers.end(A, -6)  # the client panics
                supervisor.hint(A)
                replaced += 1

    def background_work():
        nonlocal most_alive
        most_alive = max(most_alive, len(workers.alive.get(A, [])))
        current = supervisor.running.get(A)
        if current is not None and workers.alive[A]:
            assert workers.alive[A] == [current.epoch]
            met.add(current.epoch)

    supervisor.tick()
    for _ in range(1200):
        clock.now += 0.5
        replace_now_and_then()
        supervisor.tick()
        background_work()

    assert most_alive == 1
    assert replaced > 150
    assert len(met) > 150


def test_every_line_about_an_account_has_its_fields(caplog):
    caplog.set_level(logging.INFO, "sessions_mgr.supervision")
    registry = FakeRegistry(A)
    supervisor, _, clock = supervisor_of(registry)
    supervisor.tick()
    workspace = registry.rows[A].workspace_id
    registry.rows = {}
    clock.now += 5
    supervisor.tick()  # wanted no more; the worker obeys
    supervisor.tick()

    said = [(r.getMessage().partition(":")[0], r) for r in caplog.records]
    assert [text for text, _ in said] == [
        "worker started",
        "stopping its worker",
        "worker ended",
    ]
    assert {(r.account, r.workspace, r.epoch) for _, r in said} == {(str(A), str(workspace), 2)}
