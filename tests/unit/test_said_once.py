"""What WhatsApp delivers again is stored once, and is not called lost."""

import json
from uuid import uuid4

import pytest

from sessions_mgr.engines import base
from sessions_mgr.worker import spool as spool_module
from sessions_mgr.worker.config import WorkerConfig
from sessions_mgr.worker.life import Life, Recorder
from sessions_mgr.worker.line import LineWatch
from sessions_mgr.worker.spool import Spool

ANN = base.Party(jid="7@lid")


class Silent:
    def notify(self):
        self.told = True


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool.db")
    yield spool
    spool.close()


@pytest.fixture
def recorder(spool, tmp_path):
    config = WorkerConfig(
        account_id=uuid4(),
        workspace_id=uuid4(),
        epoch=1,
        node="n",
        session_dir=tmp_path,
        nats_url="",
    )
    return Recorder(config, spool, Silent(), Life())


def message(wa_id, **more):
    return base.MessageReceived(
        wa_id=wa_id, chat=ANN, sender=ANN, from_me=False, timestamp=1.0, type="text", **more
    )


def lost(wa_id):
    return base.Undecryptable(
        wa_id=wa_id, chat=ANN, sender=ANN, timestamp=1.0, detail=base.SEEN_BEFORE
    )


def kinds(spool):
    return [json.loads(fact.body)["kind"] for fact in spool.oldest(100)]


def test_the_same_message_twice_is_one_fact(recorder, spool):
    recorder(message("A"))
    recorder(message("A"))
    recorder(message("B"))
    assert kinds(spool) == ["message_received"] * 2


def test_also_after_it_was_forwarded_and_the_worker_was_killed(recorder, spool, tmp_path):
    recorder(message("A"))
    spool.delete([fact.seq for fact in spool.oldest(10)])
    again = Spool(tmp_path / "spool.db")
    assert again.append({"n": 1}, once="A message_received") == ""
    assert again.has_seen("A") and not again.has_seen("B")
    again.close()


def test_a_vote_may_come_a_second_time_when_it_can_be_read(recorder, spool):
    vote = {"chat": ANN, "sender": ANN, "from_me": False, "timestamp": 1.0, "target_wa_id": "P"}
    for readable in (False, True, True, False):
        recorder(base.PollVoted(wa_id="V", readable=readable, **vote))
    assert kinds(spool) == ["poll_voted"] * 2


def test_a_message_of_the_history_does_not_hide_the_same_message_said_live(recorder, spool):
    recorder(message("A", history=True))
    recorder(message("A"))
    assert kinds(spool) == ["message_received"] * 2


def test_a_message_that_cannot_be_read_again_is_lost_only_when_we_do_not_have_it(recorder, spool):
    recorder(message("A"))
    recorder(lost("A"))
    recorder(lost("A2"))
    assert kinds(spool) == ["message_received", "undecryptable"]


def test_the_memory_is_bounded_and_forgets_the_oldest(spool, monkeypatch):
    monkeypatch.setattr(spool_module, "REMEMBERED", 5)
    for n in range(8):
        spool.append({}, once=f"M{n} x")
    assert [n for n in range(8) if spool.has_seen(f"M{n}")] == [3, 4, 5, 6, 7]


def test_a_line_is_lost_when_it_was_down_for_the_whole_limit():
    watch = LineWatch(60.0, 0.0)
    looks = [(False, 30), (True, 59), (False, 61), (False, 118), (False, 119), (True, 120)]
    assert [watch.is_lost(*look) for look in looks] == [False, False, False, False, True, False]
