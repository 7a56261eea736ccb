"""Which numbers a node runs, claims and gives away."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from sessions_mgr.ownership.placement import Number, Placement

W = UUID(int=0)


@dataclass(frozen=True)
class Node:
    store: str = "shared"
    draining: bool = False
    capacity: int = 0


def number(n, owner="", **fields):
    return Number(account=UUID(int=n), workspace_id=W, epoch=1, owner=owner, **fields)


def ids(*numbers):
    return {UUID(int=n) for n in numbers}


@pytest.fixture
def placement():
    return Placement("a", patience=3.0, balance_patience=10.0, group=2)


def decide(placement, numbers, now=0.0, *, reachable=lambda _n: True, leaving=(), **members):
    blind = members.pop("blind", False)
    nodes = {"a": Node()} | members
    return placement.decide(numbers, nodes, reachable, now, leaving=leaving, blind=blind)


def test_the_only_node_runs_everything_at_once(placement):
    found = decide(placement, [number(1), number(2, "a"), number(3, "gone")])
    assert found.run == ids(1, 2, 3)


def test_what_another_living_node_holds_is_left_alone_for_ever(placement):
    numbers = [number(1, "b")]
    assert decide(placement, numbers, 0.0, b=Node()).run == set()
    assert decide(placement, numbers, 9999.0, b=Node()).run == set()


def test_what_a_draining_node_still_runs_is_left_alone_until_it_is_released(placement):
    drains = Node(draining=True)
    assert decide(placement, [number(1, "b")], b=drains).run == set()
    assert decide(placement, [number(1, "b", released=True)], b=drains).run == ids(1)


def test_a_node_claims_its_share_and_leaves_the_rest_to_the_others_for_a_while(placement):
    numbers = [number(n) for n in range(10)]

    assert len(decide(placement, numbers, 0.0, b=Node()).run) == 6  # half, and one
    assert len(decide(placement, numbers, 2.9, b=Node()).run) == 6
    assert len(decide(placement, numbers, 3.0, b=Node()).run) == 10


def test_a_new_number_waits_anew(placement):
    decide(placement, [number(n) for n in range(10)], 0.0, b=Node())

    later = [number(n, "a") for n in range(10)] + [number(99)]

    assert UUID(int=99) not in decide(placement, later, 100.0, b=Node()).run
    assert UUID(int=99) in decide(placement, later, 103.0, b=Node()).run


def test_a_full_node_claims_nothing_however_long_it_waits(placement):
    numbers = [number(1, "a"), number(2, "a"), number(3)]
    full = Node(capacity=2)

    decide(placement, numbers, 0.0, a=full)

    assert decide(placement, numbers, 60.0, a=full).run == ids(1, 2)


def test_credentials_out_of_reach_are_not_claimed_and_named(placement):
    linked = number(1, "gone", store_jid="1:1@s.whatsapp.net")
    found = decide(placement, [linked, number(2, "gone")], reachable=lambda _n: False)

    assert (found.run, found.adrift) == (ids(2), ids(1))


def test_our_own_number_without_credentials_is_not_adrift(placement):
    linked = number(1, "a", store_jid="1:1@s.whatsapp.net")
    assert decide(placement, [linked], reachable=lambda _n: False).run == ids(1)


def test_while_the_bus_has_no_memory_only_what_nobody_holds_is_claimed(placement):
    numbers = [number(1, "gone"), number(2), number(3, "gone", released=True)]
    assert decide(placement, numbers, blind=True).run == ids(2, 3)


def test_a_draining_node_gives_away_a_group_at_a_time_and_claims_nothing(placement):
    numbers = [number(n, "a", connected=True) for n in range(5)] + [number(9)]
    drains = Node(draining=True)

    first = decide(placement, numbers, 0.0, a=drains, b=Node())
    assert (len(first.leave), UUID(int=9) in first.run) == (2, False)
    busy = decide(placement, numbers, 1.0, a=drains, b=Node(), leaving=first.leave)
    assert busy.leave == ()
    half = decide(placement, numbers, 1.0, a=drains, b=Node(), leaving=first.leave[:1])
    assert len(half.leave) == 1
    assert not set(half.leave) & set(first.leave[:1])


def test_a_number_that_ends_its_link_is_not_moved(placement):
    numbers = [number(1, "a", mode="unlink")]
    assert decide(placement, numbers, a=Node(draining=True), b=Node()).leave == ()


def test_a_node_above_its_share_gives_the_excess_away_once_that_has_lasted(placement):
    numbers = [number(n, "a", connected=True) for n in range(6)]

    assert decide(placement, numbers, 0.0, b=Node()).leave == ()
    assert decide(placement, numbers, 9.9, b=Node()).leave == ()
    assert len(decide(placement, numbers, 10.0, b=Node()).leave) == 2
    assert decide(placement, numbers, 10.1, b=Node()).leave == ()


def test_numbers_that_wait_for_a_phone_are_not_moved_for_balance(placement):
    numbers = [number(n, "a") for n in range(6)]
    decide(placement, numbers, 0.0, b=Node())
    assert decide(placement, numbers, 20.0, b=Node()).leave == ()


@pytest.mark.parametrize("other", [Node(store="its own folder"), Node(draining=True)])
def test_nothing_is_given_away_that_nobody_could_take(placement, other):
    numbers = [number(n, "a", connected=True) for n in range(6)]
    decide(placement, numbers, 0.0, b=other)
    assert decide(placement, numbers, 20.0, b=other).leave == ()


def test_what_we_gave_away_is_taken_back_only_if_nobody_wants_it(placement):
    numbers = [number(1, "a", released=True)]
    assert decide(placement, numbers, 0.0, b=Node()).run == set()
    assert decide(placement, numbers, 3.0, b=Node()).run == ids(1)


def test_two_nodes_that_both_look_never_leave_a_number_without_a_claim():
    one, two = Placement("a"), Placement("b")
    nodes = {"a": Node(), "b": Node()}
    numbers = [number(n) for n in range(7)]

    claimed = set()
    for placement in (one, two):
        claimed |= placement.decide(numbers, nodes, lambda _n: True, 0.0).run
        numbers = [n for n in numbers if n.account not in claimed]

    assert claimed == ids(*range(7))
