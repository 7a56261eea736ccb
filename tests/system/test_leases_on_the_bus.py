"""The keeper of the lease against a real nats-server, and the zygote's own guard."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from uuid import UUID

import nats
import psutil
import pytest

from sessions_mgr.bus.address import BusAddress
from sessions_mgr.bus.streams import NODE_LEASES
from sessions_mgr.ownership import clock
from sessions_mgr.ownership.keeper import Duties, LeaseKeeper
from sessions_mgr.ownership.members import Member, this_host
from sessions_mgr.supervision.contracts import Assignment, Ended
from sessions_mgr.supervision.networks import zygote_environment
from sessions_mgr.supervision.zygote_client import ZygoteWorkers
from sessions_mgr.worker.config import WorkerConfig
from tests.system.worker_lab import DEADLINE, Nats, until


@pytest.fixture
def bus(tmp_path):
    server = Nats(tmp_path / "nats")
    yield server
    server.stop()


@pytest.fixture
def keep(bus):
    """Makes keepers that are ended with the test."""
    made = []

    def make(name="a", instance="one", ttl=6.0, **fields):
        me = Member(name, instance, "elsewhere", 1, 0.0, "", 0, "store", False)
        killed = threading.Event()
        keeper = LeaseKeeper(
            me=replace(me, **fields),
            ttl=ttl,
            find=lambda: BusAddress(bus.url, ""),
            duties=Duties(lambda: None, lambda _moment: None, killed.set),
        )
        keeper.killed = killed
        keeper.start()
        made.append(keeper)
        return keeper

    yield make
    for keeper in made:
        keeper.release()


def test_a_lease_is_gained_kept_and_given_back(bus, keep):
    keeper = keep()
    assert keeper.decided.wait(DEADLINE)
    assert keeper.token() == 1
    until(lambda: keeper.lease._revision > 1, "it is renewed")

    other = keep("b")
    until(lambda: set(other.living()) == {"a", "b"}, "b sees a")
    keeper.release()
    until(lambda: set(other.living()) == {"b"}, "a is gone before its time", seconds=4)


def test_a_restart_of_the_bus_does_not_fence(bus, keep):
    keeper = keep(ttl=9.0)
    assert keeper.decided.wait(DEADLINE)
    bus.stop()
    bus.start()
    revision = keeper.lease._revision

    until(lambda: keeper.lease._revision > revision, "renewed after the restart")

    assert keeper.token() == 1
    assert not keeper.killed.is_set()


def test_a_bus_that_stays_away_fences_and_the_lease_comes_back_with_it(bus, keep):
    keeper = keep(ttl=9.0)
    assert keeper.decided.wait(DEADLINE)
    bus.stop()
    stopped = time.monotonic()

    until(lambda: keeper.token() is None, "the workers are to stop")
    assert keeper.killed.wait(DEADLINE)
    assert time.monotonic() - stopped < 9.0  # before anybody could see the entry gone

    bus.start()
    until(lambda: keeper.token() == 2, "held again, in another term")


def test_a_second_process_of_the_same_name_is_refused_while_the_first_renews(bus, keep):
    first = keep(instance="one")
    assert first.decided.wait(DEADLINE)
    second = keep(instance="two")

    assert second.decided.wait(DEADLINE)

    assert (second.refused, second.token(), first.token()) == (True, None, 1)


def test_a_predecessor_of_this_host_that_is_dead_is_replaced_without_waiting(bus, keep):
    gone = Member("a", "one", this_host(), 2**22 - 7, 0.0, "", 0, "store", draining=True)
    asyncio.run(_left_behind(bus.url, gone, ttl=60.0))

    began = time.monotonic()
    me = psutil.Process()
    second = keep("a", "two", 60.0, host=this_host(), pid=me.pid, process_started=me.create_time())

    assert second.decided.wait(DEADLINE)
    assert (second.token(), second.refused) == (1, False)
    assert time.monotonic() - began < 30.0  # half of what the dead one had left
    assert second.me.draining  # a crash does not undo a drain


def test_a_node_is_blind_until_it_has_looked_and_while_the_bus_is_young(bus, keep):
    keeper = keep(ttl=2.0)
    assert keeper.blind()
    until(lambda: not keeper.blind(), "the bus is old enough")


def test_the_zygote_ends_its_workers_when_the_node_does_not_say_otherwise(tmp_path):
    workers = ZygoteWorkers(zygote_environment({"PATH": "/usr/bin:/bin"}), log=tmp_path / "z.log")
    try:
        account = UUID(int=7)
        workers.live_until(clock.now() + 60.0)
        workers.spawn(account, _scripted(tmp_path, account))
        until(lambda: workers.poll(0.05) or workers.process_of(account), "it runs")
        workers.live_until(clock.now() + 0.3)
        ended = []
        until(lambda: ended.extend(workers.poll(0.05)) or _ends(ended), "it was killed")
        assert _ends(ended)[0].status == -9

        workers.spawn(account, _scripted(tmp_path, account))
        ended.clear()
        until(lambda: ended.extend(workers.poll(0.05)) or _ends(ended), "it never began")
        assert _ends(ended)[0].status in (24, -9)  # by itself, or killed before it could
    finally:
        workers.close()


async def _left_behind(url, member, ttl):
    client = await nats.connect(url)
    leases = await client.jetstream().create_key_value(bucket=NODE_LEASES, ttl=ttl)
    await leases.put(member.node, member.to_json())
    await client.close()


def _ends(reports):
    return [r for r in reports if isinstance(r, Ended)]


def _scripted(folder, account):
    config = WorkerConfig(
        account_id=account,
        workspace_id=UUID(int=1),
        epoch=1,
        node="a",
        session_dir=folder / "session",
        nats_url="nats://127.0.0.1:1",
        engine="scripted",
    )
    (folder / "session").mkdir(exist_ok=True)
    return Assignment(1, config.to_json(), folder / "worker.log")
