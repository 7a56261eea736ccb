"""Around the lease: what a node writes into it, the variables, and the counted starts."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import environ
import psutil
import pytest

from config import environment
from config.environment import ConfigurationError
from sessions_mgr.ownership.counted_workers import CountedWorkers
from sessions_mgr.ownership.members import Member, is_alive_here, is_dead, this_host
from sessions_mgr.supervision.contracts import Assignment, Ended, Heard
from sessions_mgr.worker.config import WorkerConfig

A, B = UUID(int=1), UUID(int=2)
POSTGRES = "postgres://u:p@db/n"


def member(**fields):
    me = psutil.Process()
    known = {"host": this_host(), "pid": me.pid, "process_started": me.create_time()}
    rest = {"node": "a", "instance": "i", "started_at": "", "capacity": 0, "store": "s"}
    return Member(**rest | known | fields)


def test_a_lease_reads_back_as_it_was_written():
    assert Member.from_json(member(draining=True).to_json()) == member(draining=True)


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b'{"node": "a"}'])
def test_what_another_version_wrote_is_not_guessed_at(text):
    with pytest.raises(ValueError, match=r"."):
        Member.from_json(text)


def test_only_a_process_of_this_host_can_be_proven_dead():
    assert is_dead(member(pid=2**22 - 7))
    assert not is_dead(member(pid=2**22 - 7, host="elsewhere"))
    assert not is_dead(member())
    assert is_alive_here(member())


def test_a_reused_process_id_is_not_the_one_that_had_it():
    assert is_dead(member(process_started=1.0))


def read(**given):
    env = environ.Env()
    env.ENVIRON = given
    return environment.read(env)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("SESSION_STORE", {"SESSION_STORE": "postgres"}),
        ("SESSION_STORE", {"SESSION_STORE": "postgres", "DATABASE_URL": "sqlite:///x"}),
        ("SESSION_STORE_URL", {"SESSION_STORE_URL": POSTGRES}),
        ("SESSION_STORE_URL", {"SESSION_STORE": "postgres", "SESSION_STORE_URL": "sqlite:///x"}),
        (
            "SESSION_STORE_URL",
            {"SESSION_STORE": "postgres", "SESSION_STORE_URL": f"{POSTGRES}?sslmode=prefer"},
        ),
        (
            "SESSION_STORE_URL",
            {"SESSION_STORE": "postgres", "SESSION_STORE_URL": f"{POSTGRES}?search_path=a,b"},
        ),
        ("NODE_LEASE_TTL", {"NODE_LEASE_TTL": "1"}),
        ("NODE_CAPACITY", {"NODE_CAPACITY": "-1"}),
    ],
)
def test_a_wrong_combination_is_refused_by_name(name, given):
    with pytest.raises(ConfigurationError, match=f"^{name} "):
        read(**given)


@pytest.mark.parametrize(
    "given",
    [{"DATABASE_URL": POSTGRES}, {"SESSION_STORE_URL": f"{POSTGRES}?search_path=engine"}],
)
def test_the_postgres_store_takes_its_own_url_or_that_of_the_database(given):
    assert read(SESSION_STORE="postgres", **given)["SESSION_STORE"] == "postgres"


def worker(**fields):
    return WorkerConfig(A, B, 1, "a", Path("/nonexistent"), "nats://x", **fields)


def test_the_engine_of_a_postgres_store_gets_the_device_by_name():
    config = worker(store_url=POSTGRES, store_jid="1:2@s.whatsapp.net")
    engine = config.for_engine()

    assert (engine.store_path, engine.extra["jid"]) == (POSTGRES, "1:2@s.whatsapp.net")
    assert config.has_credentials()
    assert not worker(store_url=POSTGRES).has_credentials()
    assert "p@db" not in repr(config)


class Silent:
    """Workers that do nothing but report what they are told to."""

    def __init__(self):
        self.reports = []

    def spawn(self, account, assignment):
        pass

    def poll(self, timeout):
        told, self.reports = self.reports, []
        return told


def test_a_start_is_counted_from_the_order_to_the_first_sign_of_life():
    clock = [10.0]
    inner = Silent()
    workers = CountedWorkers(inner, lambda: clock[0])
    for account in (A, B):
        workers.spawn(account, Assignment(1, "", Path()))
    assert workers.figures()["starting"] == 2

    clock[0] = 10.2
    inner.reports = [Heard(A), Ended(B, 1)]
    workers.poll(0)
    clock[0] = 99.0
    inner.reports = [Heard(A)]
    workers.poll(0)

    figures = workers.figures()
    assert (figures["starting"], figures["starts_total"]) == (0, 2)
    assert (figures["start_seconds"]["count"], figures["start_seconds"]["sum"]) == (1, 0.2)
    assert figures["start_seconds"]["buckets"]["0.1"] == 0
    assert figures["start_seconds"]["buckets"]["0.25"] == 1
    assert figures["start_seconds"]["buckets"]["+Inf"] == 1
