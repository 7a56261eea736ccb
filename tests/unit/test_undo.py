"""A store notes what it was, takes back what was not settled, and says when it cannot."""

import sqlite3
import time

import pytest

from sessions_mgr.engines import neonize_undo
from sessions_mgr.engines.neonize_undo import Settled, prepare, settled_until, watch
from tests.unit.test_rewind import Pair, state_of

WE = "15550001:1@s.whatsapp.net"


class Store:
    """The tables of whatsmeow that matter here, and a session with somebody in them."""

    def __init__(self, folder):
        self.path = folder / "store.db"
        self.pair = Pair(we_begin=False)
        self.run(
            "CREATE TABLE whatsmeow_device (jid TEXT, identity_key BLOB, signed_pre_key BLOB)",
            "CREATE TABLE whatsmeow_sessions (our_jid TEXT, their_id TEXT, session BLOB,"
            " PRIMARY KEY (our_jid, their_id))",
            "CREATE TABLE whatsmeow_sender_keys (our_jid TEXT, chat_id TEXT, sender_id TEXT,"
            " sender_key BLOB, PRIMARY KEY (our_jid, chat_id, sender_id))",
            "CREATE TABLE whatsmeow_pre_keys (jid TEXT, key_id INTEGER, key BLOB)",
        )
        keys = (WE, self.pair.own.identity.private, self.pair.own.signed_prekey.private)
        self.run(("INSERT INTO whatsmeow_device VALUES (?, ?, ?)", keys))
        self.receive()

    def run(self, *statements):
        with sqlite3.connect(self.path) as db:
            for statement in statements:
                db.execute(*((statement,) if isinstance(statement, str) else statement))
        db.close()

    def one(self, query):
        db = sqlite3.connect(self.path)
        try:
            return db.execute(query).fetchone()[0]
        finally:
            db.close()

    def receive(self):
        """Read one message, as whatsmeow does; it can be read again after `prepare`."""
        self.pair.receive(len(self.pair.read))
        upsert = (
            "INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)"
            " ON CONFLICT (our_jid, their_id) DO UPDATE SET session = excluded.session"
        )
        self.run((upsert, (WE, "100_1:0", self.pair.row)))

    def reads_again(self):
        content = self.one("SELECT session FROM whatsmeow_sessions")
        _, message, plaintext = self.pair.read[-1]
        return state_of(content, self.pair.we).decrypt(message)[0] == plaintext

    def noted(self):
        return self.one("SELECT count(*) FROM switchboard_undo")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_a_store_that_is_not_there_needs_nothing(tmp_path):
    assert prepare(tmp_path / "store.db") == neonize_undo.Outcome(complete=True, watched=False)


def test_a_store_that_nobody_watched_is_watched_from_now_on(store):
    assert not prepare(store.path).complete
    store.receive()
    assert store.noted() == 1
    outcome = prepare(store.path)
    assert (outcome.complete, outcome.records) == (True, 1)
    assert store.reads_again()
    assert store.noted() == 0


def test_what_is_settled_stays_as_it_is(store):
    prepare(store.path)
    store.receive()
    Settled(store.path)(time.time() + 1)
    outcome = prepare(store.path)
    assert (outcome.complete, outcome.records) == (True, 0)


def test_again_and_again_is_the_same(store):
    prepare(store.path)
    for _ in range(3):
        store.receive()
        assert prepare(store.path).complete
        assert prepare(store.path).records == 0
        assert store.reads_again()


def test_a_kill_in_the_middle_of_a_change_leaves_neither_the_change_nor_a_note(store):
    prepare(store.path)
    db = sqlite3.connect(store.path)
    db.execute("UPDATE whatsmeow_sessions SET session = x'00'")
    assert db.execute("SELECT count(*) FROM switchboard_undo").fetchone() == (1,)
    db.close()  # without a commit
    assert store.noted() == 0


def test_a_store_in_use_can_begin_to_watch_itself_and_what_was_before_is_not_promised(store):
    Settled(store.path)(time.time() - 5)
    watch(store.path)
    store.receive()
    outcome = prepare(store.path)
    assert (outcome.complete, outcome.records) == (False, 1)


def test_since_everything_was_settled_under_watch_it_is_promised(store):
    watch(store.path)
    Settled(store.path)(time.time() + 1)
    assert prepare(store.path).complete


def test_old_notes_go_by_themselves_but_never_the_last_ones(store, monkeypatch):
    prepare(store.path)
    note = "INSERT INTO switchboard_undo (at, kind, owner, name) VALUES (?, 'session', '', '')"
    many = neonize_undo.KEEP_ROWS + 200
    store.run(*((note, (1000.0 + n,)) for n in range(many)))
    assert store.noted() == neonize_undo.KEEP_ROWS
    store.run(*((note, (99_999.0,)) for _ in range(500)))
    assert store.noted() > neonize_undo.KEEP_ROWS  # a second ago: too young to go


def test_when_notes_of_the_time_are_gone_it_is_said(store):
    prepare(store.path)
    note = "INSERT INTO switchboard_undo (at, kind, owner, name) VALUES (?, 'session', '', '')"
    store.run(*((note, (1000.0 + n,)) for n in range(neonize_undo.KEEP_ROWS + 10)))
    Settled(store.path)(1000.0)
    assert not prepare(store.path).complete


def test_a_store_of_another_form_is_left_alone_and_that_is_said(store):
    prepare(store.path)
    store.receive()
    store.run("UPDATE whatsmeow_sessions SET session = x'0a03616263'")
    assert not prepare(store.path).complete
    assert store.one("SELECT session FROM whatsmeow_sessions") == b"\x0a\x03abc"
    assert prepare(store.path).complete


def test_triggers_that_an_upgrade_removed_are_missed(store):
    prepare(store.path)
    store.run("DROP TRIGGER switchboard_session_changed")
    assert not prepare(store.path).complete


def test_the_settled_moment_survives_and_damage_counts_as_never(tmp_path):
    path = tmp_path / "store.db"
    assert settled_until(path) == 0.0
    Settled(path)(1234.5)
    assert settled_until(path) == 1234.5
    (tmp_path / neonize_undo.SETTLED).write_bytes(b"abc")
    assert settled_until(path) == 0.0
