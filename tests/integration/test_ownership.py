"""Who runs a session: claims, releases, numbers adrift, and what the registry makes of it."""

from __future__ import annotations

import sqlite3
from uuid import uuid4

import pytest
from django.test import override_settings

from sessions_mgr import assignments, facts, services, stores
from sessions_mgr.bus.address import BusAddress
from sessions_mgr.credentials import InFolders, default_url
from sessions_mgr.engines import base
from sessions_mgr.models import Session, StatusChange
from sessions_mgr.ownership.members import Member
from sessions_mgr.registry import SessionRegistry
from sessions_mgr.states import Status
from sessions_mgr.supervision.contracts import End
from tests.factories import AccountFactory
from tests.life import LINKED, connected_account, say, start

pytestmark = pytest.mark.django_db


class FakeStanding:
    """A lease as the test wants it."""

    def __init__(self, *living, draining=False):
        self.tokens = iter(())
        self.held = 1
        self.is_blind = False
        self.members = {name: member(name) for name in living}
        self.members["me"] = member("me", draining=draining)

    def token(self):
        return next(self.tokens, self.held)

    def living(self):
        return self.members

    def blind(self):
        return self.is_blind


def member(name, *, draining=False, store="shared"):
    return Member(name, "i", "h", 1, 0.0, "", 0, store, draining)


@pytest.fixture
def bus(tmp_path):
    with override_settings(NATS_URL="nats://127.0.0.1:1", NATS_TOKEN=""):
        yield BusAddress("nats://127.0.0.1:1", "")


@pytest.fixture
def node(tmp_path):
    def make(standing, root="sessions"):
        folders = stores.Stores(tmp_path / root)
        credentials = InFolders(folders)
        credentials.prepare()
        registry = SessionRegistry(
            node="me", folders=folders, credentials=credentials, standing=standing
        )
        registry.refresh = lambda: None  # the connection is the test's
        return registry

    return make


def owned_by(name, account):
    Session.objects.filter(pk=account.pk).update(node=name)
    return account


def session(account):
    return Session.objects.get(pk=account.pk)


def put_credentials(registry, account):
    folder = registry.folders.create(account.workspace_id, account.pk)
    db = sqlite3.connect(folder / stores.STORE)
    db.execute("CREATE TABLE whatsmeow_device (jid TEXT)")
    db.execute("INSERT INTO whatsmeow_device VALUES (?)", [LINKED["jid"]])
    db.commit()
    db.close()


def test_without_a_lease_nothing_is_wanted_whatever_the_database_says(node):
    start(AccountFactory())
    standing = FakeStanding()
    standing.held = None

    assert node(standing).wanted() == {}


def test_a_number_of_a_node_without_a_lease_is_claimed_with_a_new_epoch(node, bus):
    account = connected_account()
    registry = node(FakeStanding())
    put_credentials(registry, account)
    before = session(account)

    wanted = registry.wanted()[account.pk]
    assignment = registry.assign(account.pk, wanted)

    after = session(account)
    assert (before.node, after.node) == ("test", "me")
    assert assignment.epoch == after.epoch == before.epoch + 1
    assert not say(account, base.ConnectionLost(), epoch=before.epoch)


def test_a_number_of_a_living_node_is_not_wanted_here(node):
    account = owned_by("other", connected_account())
    assert account.pk not in node(FakeStanding("other")).wanted()


def test_credentials_in_a_folder_that_we_cannot_see_stay_with_a_reason_and_no_new_code(node):
    account = owned_by("gone", connected_account())
    epoch = session(account).epoch
    registry = node(FakeStanding())

    assert account.pk not in registry.wanted()
    registry.wanted()

    now = session(account)
    assert (now.status, now.reason_code) == (Status.RECONNECTING, "node_gone")
    assert now.epoch == epoch + 1
    assert StatusChange.objects.filter(account=account, reason_code="node_gone").count() == 1


def test_a_number_adrift_comes_back_with_its_node(node, bus):
    account = owned_by("me", connected_account())
    assignments.cast_adrift(account_id=account.pk, epoch=session(account).epoch)
    registry = node(FakeStanding())

    assert registry.assign(account.pk, registry.wanted()[account.pk])

    assert session(account).reason_code == "node_restarted"


def test_a_number_that_never_had_credentials_is_taken_by_any_node(node):
    account = AccountFactory()
    start(account)
    owned_by("gone", account)

    assert account.pk in node(FakeStanding()).wanted()


def test_a_lease_that_ends_during_the_database_write_starts_nothing(node, bus):
    account = connected_account()
    standing = FakeStanding()
    registry = node(standing)
    put_credentials(registry, account)
    wanted = registry.wanted()[account.pk]
    standing.tokens = iter((1, 2))  # lost and gained again meanwhile

    assert registry.assign(account.pk, wanted) is None


def test_a_draining_node_stops_first_and_releases_after(node):
    account = owned_by("me", connected_account())
    registry = node(FakeStanding("other", draining=True))
    running = {account.pk}
    registry.is_running = running.__contains__

    assert account.pk not in registry.wanted()
    assert not session(account).released

    running.clear()
    registry.ended(account.pk, End(session(account).epoch, "stopped", "", False, None))

    now = session(account)
    assert (now.node, now.released, now.reason_code) == ("me", True, "node_drained")
    assert account.pk not in registry.wanted()


def test_a_released_number_is_taken_by_another_node_and_only_once():
    account = owned_by("a", connected_account())
    assert assignments.release(account_id=account.pk, node="a")
    assert not assignments.release(account_id=account.pk, node="a")
    seen = session(account).epoch

    won = assignments.take_assignment(account_id=account.pk, node="b", seen_epoch=seen)
    lost = assignments.take_assignment(account_id=account.pk, node="a", seen_epoch=seen)

    assert (won, lost) == (seen + 1, None)
    assert (session(account).node, session(account).released) == ("b", False)


def test_a_node_cannot_release_what_it_does_not_own():
    account = owned_by("b", connected_account())
    assert not assignments.release(account_id=account.pk, node="a")


def test_the_device_of_an_account_survives_a_disconnect_and_not_a_logout():
    account = connected_account()
    assert session(account).store_jid == LINKED["jid"]

    services.request_disconnect(account=account)
    assert session(account).store_jid == LINKED["jid"]

    services.request_logout(account=account)
    assignments.unlink_finished(account_id=account.pk, epoch=0)
    assert session(account).store_jid == ""


def test_the_device_of_an_account_is_forgotten_when_the_phone_unlinks_it():
    account = connected_account()
    say(account, base.LoggedOut(detail="401"))
    assert session(account).store_jid == ""


def test_a_pairing_that_arrives_late_still_says_whose_credentials_are_stored():
    account = AccountFactory()
    epoch = start(account)
    services.request_restart(account=account)

    paired = base.Paired(
        jid=LINKED["jid"], lid=LINKED["lid"], phone_number="+15550001", platform="android"
    )
    assert not say(account, paired, epoch=epoch)

    assert session(account).store_jid == LINKED["jid"]


def test_an_unlink_waits_for_the_node_that_holds_the_credentials(node):
    account = owned_by("gone", connected_account())
    services.request_logout(account=account)

    assert account.pk not in node(FakeStanding()).wanted()
    assert session(account).unlink_pending
    assert session(account).status == Status.DISCONNECTED


def test_a_folder_is_purged_by_the_node_that_has_it(node):
    account = owned_by("other", connected_account())
    services.delete_account(account=account)
    assignments.unlink_finished(account_id=account.pk, epoch=0)

    node(FakeStanding("other")).wanted()
    assert assignments.purge_requested()
    node(FakeStanding()).wanted()
    assert assignments.purge_requested()  # its folder is not here

    owned_by("me", account)
    node(FakeStanding()).wanted()
    assert not assignments.purge_requested()


def test_nodes_that_share_a_folder_know_it_and_others_do_not(node):
    one, same, other = (node(FakeStanding(), root) for root in ("x", "x", "y"))
    names = [n.credentials.identity() for n in (one, same, other)]
    assert names[0] == names[1] != names[2]


def test_the_progress_of_a_restore_counts_linked_numbers_only():
    connected_account()
    waiting = connected_account()
    say(waiting, base.ConnectionLost())
    start(AccountFactory())

    assert assignments.restore_progress() == {"wanted": 2, "connected": 1, "waiting": 1}


@pytest.mark.parametrize(
    ("database", "url"),
    [
        (
            {"HOST": "db.example.test", "PORT": 5433, "USER": "u", "PASSWORD": "p@ss", "NAME": "n"},
            "postgres://u:p%40ss@db.example.test:5433/n?search_path=engine&sslmode=require",
        ),
        (
            {"HOST": "/run/pg", "PORT": "", "USER": "postgres", "PASSWORD": "", "NAME": "n"},
            "postgres://postgres@/n?search_path=engine&sslmode=disable&host=%2Frun%2Fpg",
        ),
        (
            {"HOST": "127.0.0.1", "USER": "u", "NAME": "n", "OPTIONS": {"sslmode": "verify-full"}},
            "postgres://u@127.0.0.1/n?search_path=engine&sslmode=verify-full",
        ),
    ],
)
def test_the_engine_gets_the_database_as_its_driver_reads_it(database, url):
    assert default_url(database) == url


def test_a_late_fact_of_another_account_never_crosses():
    account = connected_account()
    assert not facts.record_fact(
        account_id=account.pk,
        epoch=session(account).epoch + 7,
        fact=base.Connected(**LINKED | {"jid": f"{uuid4().int % 10**9}:2@s.whatsapp.net"}),
        at=account.created_at,
    )
    assert session(account).store_jid == LINKED["jid"]
