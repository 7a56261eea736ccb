"""Several session nodes: every number has exactly one worker, whatever happens to the nodes."""

from __future__ import annotations

import itertools
import subprocess
import time

import pytest

from tests.product import ROOT, eventually
from tests.system.node_lab import TTL, NodeLab, Postgres, Sampler, why_no_namespaces

_first_numbers = itertools.count(15_570_000, 100)


@pytest.fixture(scope="module")
def postgres():
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def lab(tmp_path, postgres):
    running = NodeLab(tmp_path, postgres)
    try:
        yield running.start()
    finally:
        running.close()
        _empty(postgres)


def _empty(postgres):
    import psycopg

    with psycopg.connect(
        host=postgres.socket_folder, user=postgres.user, dbname=postgres.name, autocommit=True
    ) as db:
        db.execute("DROP SCHEMA IF EXISTS engine CASCADE")
        db.execute("DROP SCHEMA public CASCADE")
        db.execute("CREATE SCHEMA public")


def numbers_of(lab, accounts):
    """How many numbers each node runs."""
    return {
        name: len([a for a in node.workers() if a in accounts]) for name, node in lab.nodes.items()
    }


def scans(lab, account):
    return [t["to"] for t in lab.timeline(account)].count("qr_scanning")


def test_a_node_that_dies_is_taken_over_by_another_with_other_folders_and_without_a_code(lab):
    first = lab.node("a").start()
    accounts = lab.linked(3, next(_first_numbers))
    lab.node("b").start()

    with Sampler(lab.folder) as sampler:
        first.kill()
        died = time.monotonic()
        eventually(lambda: len(lab.nodes["b"].workers()) == 3, within=30)
        eventually(lambda: lab.all_connected(accounts), within=30, what=lab.nodes["b"].tail)
        print(f"took over 3 numbers {time.monotonic() - died:.1f} s after the death, ttl {TTL:g}")

    assert (sampler.doubles, lab.replaced()) == ([], [])
    assert [scans(lab, a) for a in accounts] == [1, 1, 1]


def test_draining_moves_every_number_and_says_when_the_node_is_empty(lab):
    lab.node("a").start()
    accounts = lab.linked(7, next(_first_numbers))
    lab.node("b").start()

    with Sampler(lab.folder) as sampler:
        drained = lab.manage("drain_node", "a", "--timeout", "60")
        eventually(lambda: lab.all_connected(accounts), within=30, what=lab.nodes["b"].tail)
        moved = numbers_of(lab, accounts)
        undone = lab.manage("drain_node", "a", "--undo")
        eventually(lambda: numbers_of(lab, accounts)["a"] >= 3, within=60)
        eventually(lambda: lab.all_connected(accounts), within=30)

    assert (drained.returncode, drained.stdout.splitlines()[-1]) == (0, "a is empty"), drained
    assert (undone.returncode, moved) == (0, {"a": 0, "b": 7})
    assert (sampler.doubles, lab.replaced()) == ([], [])


def test_a_node_that_is_stopped_gives_its_numbers_up_at_once(lab):
    first = lab.node("a").start()
    accounts = lab.linked(2, next(_first_numbers))
    lab.node("b").start()
    lab.until_the_bus_is_trusted()

    with Sampler(lab.folder) as sampler:
        held = lab.has_lease("a")
        code = first.stop()
        given_back = not lab.has_lease("a")
        eventually(lambda: len(lab.nodes["b"].workers()) == 2)
        eventually(lambda: lab.all_connected(accounts))

    assert (code, sampler.doubles, lab.replaced()) == (0, [], [])
    assert (held, given_back) == (True, True)


def test_a_second_process_of_the_same_name_is_refused_with_one_line(lab):
    node = lab.node("a").start()

    second = subprocess.run(
        node.command, cwd=ROOT, env=node.environment, capture_output=True, text=True, timeout=30
    )

    assert second.returncode == 2
    assert "NODE_NAME a is taken" in second.stderr.strip().splitlines()[-1]
    assert node.process.poll() is None


def test_a_node_that_was_cut_off_is_fenced_before_another_takes_over_and_comes_back(lab):
    if reason := why_no_namespaces():
        pytest.skip(f"no network namespaces here: {reason}")
    nodes = {name: lab.node(name, apart=True).start() for name in ("a", "b")}
    accounts = lab.linked(4, next(_first_numbers))
    with Sampler(lab.folder) as sampler:
        eventually(lambda: lab.all_connected(accounts), within=30)
        cut_off, other = sorted(nodes.values(), key=lambda n: -len(n.workers()))

        cut_off.network.cut()
        cut = time.monotonic()
        eventually(lambda: not cut_off.workers(), what=cut_off.tail)
        fenced = time.monotonic() - cut
        eventually(lambda: len(other.workers()) == 4, what=other.tail)
        taken = time.monotonic() - cut
        eventually(lambda: lab.all_connected(accounts), within=30, what=other.tail)
        connected = time.monotonic() - cut
        assert not cut_off.workers()

        cut_off.network.heal()
        eventually(lambda: cut_off.workers(), within=60, what=cut_off.tail)
        eventually(lambda: lab.all_connected(accounts), within=30, what=cut_off.tail)

    print(f"fenced {fenced:.1f} s, taken {taken:.1f} s, connected {connected:.1f} s after the cut")
    assert fenced < taken
    assert sampler.samples > 50
    assert (sampler.doubles, lab.replaced()) == ([], [])
    assert [scans(lab, a) for a in accounts] == [1] * 4
