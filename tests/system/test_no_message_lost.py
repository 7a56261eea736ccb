"""Seed 001, lost messages: kill -9 at the worst moment, and still everything arrives, once."""

import contextlib
import random
import signal
import sqlite3
import time

import pytest

from sessions_mgr import stores
from tests.system.worker_lab import Lab, until


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


def arrived(lab, account):
    return [f["data"]["wa_id"] for f in lab.listener.of(account, "message_received")]


def stored(lab, account):
    """What the stream has, in which a fact that was published twice is one."""
    return [f["data"]["wa_id"] for f in lab.nats.stored(account) if f["kind"] == "message_received"]


def told(lab, account):
    """What is said of messages that may be lost, as ingest reads the stream: a renewed line brings
    again what is in hand, and of a message that is stored by then nobody is told."""
    known, found = set(), []
    for fact in lab.nats.stored(account):
        said = fact["data"]
        if fact["kind"] == "message_received":
            known.add(said["wa_id"])
        seen_before = said.get("detail") == "seen_before" and said["wa_id"] not in known
        if seen_before or fact["kind"] == "life_cut_short":
            found.append(fact)
    return found


def restarted(lab):
    """A connected account in its second life: its store watches itself from the first moment."""
    account, phone = lab.paired()
    assert lab.stop(account).status == 0
    lab.spawn(account, epoch=2)
    lab.listener.wait(account, "connected", epoch=2)
    return account, phone


def kill(lab, account):
    lab.process(account).kill()
    assert lab.end(account).status == -signal.SIGKILL


def unconfirmed(lab, phone):
    """How many messages WhatsApp still holds for the phone's device."""
    devices = lab.phones.state()["devices"]
    return sum(d["queued"] + d["unacked"] for d in devices if d["jid"].startswith(phone[1:] + ":"))


@contextlib.contextmanager
def spool_is_stuck(lab, account):
    """Nothing can be appended, as on a disk that hangs."""
    db = sqlite3.connect(lab.dir(account) / stores.SPOOL, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.close()


def all_arrive(lab, account, sent):
    until(
        lambda: set(sent) <= set(arrived(lab, account)),
        lambda: (
            f"missing {len(set(sent) - set(arrived(lab, account)))}; {lab.log(account)[-1500:]}"
        ),
    )
    assert sorted(stored(lab, account)) == sorted(sent)


def test_seed_001_kills_in_the_burst_after_a_restart_lose_nothing_and_double_nothing(lab):
    account, phone = restarted(lab)
    friends = [lab.phone() for _ in range(4)]
    lab.stop(account)
    sent = []
    for friend in friends:
        sent += lab.phones.send_text(friend, phone, "burst {n}", count=75)
    chance = random.Random(1)
    for epoch in range(3, 11):
        lab.spawn(account, epoch=epoch)
        enough = min(len(sent), len(arrived(lab, account)) + chance.randrange(1, 30))
        until(
            lambda enough=enough: len(arrived(lab, account)) >= enough,
            lambda: f"{len(arrived(lab, account))} of {len(sent)}; {lab.log(account)[-1500:]}",
        )
        kill(lab, account)
    lab.spawn(account, epoch=11)
    all_arrive(lab, account, sent)
    assert not told(lab, account)
    assert not lab.listener.of(account, "undecryptable")
    assert "wound back" in lab.log(account)


def test_seed_001_nothing_is_confirmed_before_it_is_stored(lab):
    account, phone = restarted(lab)
    friend = lab.phone()
    with spool_is_stuck(lab, account):
        sent = lab.phones.send_text(friend, phone, "stuck {n}", count=150)
        until(lambda: unconfirmed(lab, phone) == 150, "the network to hold all of them")
        time.sleep(1.0)  # whatsmeow decrypts what it can meanwhile: a hundred and a few
        assert unconfirmed(lab, phone) == 150
        kill(lab, account)
    lab.spawn(account, epoch=3)
    all_arrive(lab, account, sent)
    until(lambda: unconfirmed(lab, phone) == 0, "all to be confirmed")
    assert not told(lab, account)
    assert not lab.listener.of(account, "undecryptable")


def test_a_number_that_was_linked_just_now_loses_nothing_either(lab):
    account, phone = lab.paired()
    until(lambda: watched(lab, account), "the store to watch itself")
    friend = lab.phone()
    sent = lab.phones.send_text(friend, phone, "first", count=1)
    all_arrive(lab, account, sent)  # and confirmed: from here on everything is under watch
    until(lambda: unconfirmed(lab, phone) == 0, "the first to be confirmed")
    with spool_is_stuck(lab, account):
        sent += lab.phones.send_text(friend, phone, "new {n}", count=20)
        time.sleep(0.5)
        kill(lab, account)
    lab.spawn(account, epoch=2)
    all_arrive(lab, account, sent)
    assert not told(lab, account)


def watched(lab, account):
    db = sqlite3.connect(f"file:{lab.dir(account) / stores.STORE}?mode=ro", uri=True)
    try:
        return db.execute("SELECT 1 FROM sqlite_master WHERE name GLOB 'switchboard_*'").fetchone()
    finally:
        db.close()


def test_a_talk_in_both_directions_goes_on_over_kills(lab):
    account, phone = restarted(lab)
    friend = lab.phone()
    sent, replies = [], []
    for epoch in range(3, 8):
        sent += lab.phones.send_text(friend, phone, f"question {epoch} {{n}}", count=3)
        all_arrive(lab, account, sent)
        lab.say(account, friend, f"answer {epoch}")
        replies.append(f"answer {epoch}")
        with spool_is_stuck(lab, account):
            sent += lab.phones.send_text(friend, phone, f"more {epoch} {{n}}", count=5)
            time.sleep(0.3)
            kill(lab, account)
        lab.spawn(account, epoch=epoch)
        lab.listener.wait(account, "connected", epoch=epoch)
    all_arrive(lab, account, sent)
    all_said(lab, friend, replies)
    assert not told(lab, account)


def all_said(lab, phone, texts):
    def said():
        return {entry.get("text") for entry in lab.phones.inbox(phone) if not entry["from_me"]}

    until(lambda: set(texts) <= said(), lambda: f"{phone} heard only {said()}")


def test_messages_of_a_group_survive_kills_and_so_does_our_own_key_of_it(lab):
    account, phone = restarted(lab)
    friends = [lab.phone(), lab.phone()]
    group = lab.phones.create_group(friends[0], "Group", [friends[1], phone])["jid"]
    sent, replies = [], []
    for epoch in range(3, 7):
        with spool_is_stuck(lab, account):
            for friend in friends:  # the first time with the keys of the group
                sent += lab.phones.send_text(friend, group, f"to all {epoch} {{n}}", count=4)
            time.sleep(0.4)
            kill(lab, account)
        lab.spawn(account, epoch=epoch)
        lab.listener.wait(account, "connected", epoch=epoch)
        all_arrive(lab, account, sent)
        lab.say(account, group, f"from us {epoch}")
        replies.append(f"from us {epoch}")
    all_arrive(lab, account, sent)
    for friend in friends:
        all_said(lab, friend, replies)
    assert not told(lab, account)
    assert not lab.listener.of(account, "undecryptable")


def test_what_cannot_be_read_again_is_named_and_never_silent(lab):
    account, phone = restarted(lab)
    friend = lab.phone()
    with spool_is_stuck(lab, account):
        sent = lab.phones.send_text(friend, phone, "doomed {n}", count=5)
        time.sleep(0.5)
        kill(lab, account)
    db = sqlite3.connect(lab.dir(account) / stores.STORE)
    db.execute("DROP TABLE switchboard_undo")  # its triggers stay, and fail: renewed at the start
    db.commit()
    db.close()
    lab.spawn(account, epoch=3)
    lab.listener.wait(account, "life_cut_short", epoch=3)
    until(
        lambda: set(sent) <= set(arrived(lab, account)) | ids_told(lab, account),
        lambda: f"{ids_told(lab, account)}; {lab.log(account)[-1500:]}",
    )
    assert ids_told(lab, account)


def ids_told(lab, account):
    return {f["data"]["wa_id"] for f in told(lab, account) if f["kind"] == "undecryptable"}


def test_restarts_in_order_under_load_lose_nothing_and_tell_nothing(lab):
    account, phone = restarted(lab)
    friends = [lab.phone() for _ in range(3)]
    sent = []
    for friend in friends:
        sent += lab.phones.send_text(friend, phone, "steady {n}", count=120, rate=30)
    for epoch in range(3, 6):
        enough = len(arrived(lab, account)) + 25
        until(lambda enough=enough: len(arrived(lab, account)) >= enough, "some messages")
        assert lab.stop(account).said == "stopped"
        lab.spawn(account, epoch=epoch)
    all_arrive(lab, account, sent)
    assert not told(lab, account)
    assert not lab.listener.of(account, "undecryptable")


def delivered(lab, account):
    """Messages of ours that others have, as we heard."""
    facts = [f["data"] for f in lab.listener.of(account, "receipt_received")]
    return {wa_id for data in facts if data["status"] == "delivered" for wa_id in data["wa_ids"]}


def all_delivered(lab, account, sent):
    until(
        lambda: delivered(lab, account) >= sent,
        lambda: f"missing {sent - delivered(lab, account)}",
    )


def test_receipts_of_others_survive_kills(lab):
    account, phone = restarted(lab)
    friend, other = lab.phone(), lab.phone()
    group = lab.phones.create_group(friend, "Group", [other, phone])["jid"]
    expected = set()
    for epoch in range(3, 7):
        lab.phones.offline(friend)
        sent = [lab.say(account, friend, f"in private {epoch} {n}") for n in range(4)]
        sent += [lab.say(account, group, f"to all {epoch} {n}") for n in range(2)]
        with spool_is_stuck(lab, account):
            lab.phones.online(friend)
            until(lambda: unconfirmed(lab, phone) > 0, "the network to hold receipts")
            time.sleep(0.3)
            kill(lab, account)
        expected.update(sent)
        lab.spawn(account, epoch=epoch)
        lab.listener.wait(account, "connected", epoch=epoch)
        all_delivered(lab, account, expected)
    until(lambda: unconfirmed(lab, phone) == 0, "all to be acknowledged")


def test_what_is_on_the_wire_never_reaches_a_log(lab):
    account, phone = restarted(lab)
    friend = lab.phone()
    sent = lab.phones.send_text(friend, phone, "a secret word {n}", count=5)
    all_arrive(lab, account, sent)
    log = lab.log(account)
    for trace in ("<message", "<receipt", "<iq", "DEBUG", "secret", sent[0]):
        assert trace not in log
