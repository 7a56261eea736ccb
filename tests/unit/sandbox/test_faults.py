"""Who is hit by a fault, and when it ends."""

from sandbox.network import faults
from sandbox.network.faults import Fault, Faults, Target


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_fault_hits_its_target_only() -> None:
    armed = Faults(Clock())
    armed.arm(Fault(faults.MUTE, Target("1", 2)))
    assert armed.use(faults.MUTE, "1", 2)
    assert not armed.use(faults.MUTE, "1", 3)
    assert not armed.use(faults.MUTE, "2", 2)
    assert not armed.use(faults.SLOW, "1", 2)


def test_a_fault_for_everybody_hits_those_without_an_account_too() -> None:
    armed = Faults(Clock())
    armed.arm(Fault(faults.REFUSE_CONNECTIONS))
    assert armed.use(faults.REFUSE_CONNECTIONS)
    assert armed.use(faults.REFUSE_CONNECTIONS, "1", 1)


def test_a_fault_for_a_phone_does_not_hit_unknown_clients() -> None:
    armed = Faults(Clock())
    armed.arm(Fault(faults.REFUSE_CONNECTIONS, Target("1")))
    assert not armed.use(faults.REFUSE_CONNECTIONS)
    assert armed.use(faults.REFUSE_CONNECTIONS, "1", 4)


def test_a_fault_ends_after_its_count() -> None:
    armed = Faults(Clock())
    armed.arm(Fault(faults.FAILURE, count=2))
    hits = [bool(armed.use(faults.FAILURE)) for _ in range(3)]
    assert hits == [True, True, False]
    assert armed.armed() == []


def test_a_fault_ends_after_its_seconds() -> None:
    clock = Clock()
    armed = Faults(clock)
    armed.arm(Fault(faults.NO_AVATAR, seconds=5))
    clock.now = 4.9
    assert armed.use(faults.NO_AVATAR)
    clock.now = 5.0
    assert not armed.use(faults.NO_AVATAR)


def test_the_seconds_of_slow_are_a_delay_and_not_an_end() -> None:
    clock = Clock()
    armed = Faults(clock)
    armed.arm(Fault(faults.SLOW, seconds=1))
    clock.now = 100.0
    assert armed.use(faults.SLOW)


def test_clearing_is_by_kind_and_target_or_for_all() -> None:
    armed = Faults(Clock())
    kept = Fault(faults.MUTE, Target("2"))
    for fault in (Fault(faults.MUTE, Target("1")), kept, Fault(faults.SLOW, Target("1"))):
        armed.arm(fault)
    assert len(armed.clear(faults.MUTE, Target("1"))) == 1
    assert kept in armed.armed()
    assert len(armed.clear()) == 2
    assert armed.armed() == []
