"""Each order to send is carried out once, whatever is asked how often and whoever crashes."""

import threading
import time

import pytest

from sessions_mgr.engines import base
from sessions_mgr.engines.scripted import CONNECTED, ScriptedEngine
from sessions_mgr.worker.sending import Sending
from sessions_mgr.worker.sends import KEEP_SECONDS, Ledger, close_cut_short
from sessions_mgr.worker.transfers import Transfers

TEXT = {"type": "text", "text": "hi"}


class Life:
    """A worker's sending, in one folder; a new one in the same folder is the next life."""

    def __init__(self, folder, replies=None, epoch=1, login=True):
        self.engine = ScriptedEngine([CONNECTED] if login else [], replies=replies)
        self._thread = threading.Thread(target=self.engine.run, args=(lambda _: None,))
        self._thread.start()
        deadline = time.monotonic() + 5
        while login and not self.engine.health().logged_in:
            assert time.monotonic() < deadline
        self.ledger = Ledger(folder / "spool.db", epoch)
        self.transfers = Transfers(folder, self.engine)
        self.facts, self.failures = [], []
        self.sending = Sending(
            self.engine,
            self.ledger,
            self.transfers,
            tell=self.facts.append,
            on_failure=self.failures.append,
        )

    def send(self, request_id="r1", content=TEXT, first_epoch=0, **args):
        order = {"request_id": request_id, "to": "+15559999", "content": content}
        return self.sending.send(order | {"first_epoch": first_epoch} | args)

    def error(self, *args, **named):
        with pytest.raises(base.EngineError) as refused:
            self.send(*args, **named)
        return refused.value

    @property
    def orders(self):
        return self.engine.messages.orders

    def end(self):
        self.engine.stop()
        self._thread.join(5)
        self.ledger.close()


@pytest.fixture
def live(tmp_path):
    lives = []

    def start(**settings):
        lives.append(Life(tmp_path, **settings))
        return lives[-1]

    yield start
    for life in lives:
        life.end()


def test_a_message_is_sent_and_told(live):
    life = live()
    answer = life.send()
    assert answer["wa_id"] == "SCRIPTED1"
    assert answer["chat"]["phone_number"] == "+15559999"
    (fact,) = life.facts
    assert (fact.request_id, fact.wa_id, fact.error) == ("r1", "SCRIPTED1", {})


def test_asked_twice_it_is_sent_once(live):
    life = live()
    assert life.send() == life.send()
    assert len(life.orders) == len(life.facts) == 1


def test_asked_while_it_runs_it_is_sent_once_and_both_get_the_answer(live):
    life = live(replies={"send": {"seconds": 0.3}})
    answers = []
    asking = [threading.Thread(target=lambda: answers.append(life.send())) for _ in range(5)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(5)
    assert len(answers) == 5 and len({answer["wa_id"] for answer in answers}) == 1
    assert len(life.orders) == 1


def test_one_who_does_not_wait_learns_that_it_runs_and_later_the_answer(live):
    life = live(replies={"send": {"seconds": 0.3}})
    error = life.error(timeout=0.01)
    assert (error.code, error.extra) == ("timeout", {"running": True})
    assert life.send()["wa_id"] == "SCRIPTED1"
    assert len(life.orders) == 1


def test_a_final_error_stays_the_answer(live):
    refused = {"code": "reachout_timelock", "detail": "no", "until": 99.0}
    life = live(replies={"send": {"error": refused}})
    assert (life.error().code, life.error().extra) == ("reachout_timelock", {"until": 99.0})
    assert [name for name, _ in life.engine.stage.asked] == ["send"]
    assert life.facts[0].error == refused


@pytest.mark.parametrize("code", ["not_connected", "timeout", "rate_limited", "upload_failed"])
def test_after_a_passing_error_the_same_order_is_tried_again(live, code):
    replies = {"send": {"error": {"code": code}}}
    life = live(replies=replies)
    assert life.error().code == code
    assert life.facts == [] and life.ledger.find("r1") is None
    del replies["send"]
    assert life.send()["wa_id"] == "SCRIPTED1"


def test_without_a_login_nothing_is_begun(live):
    life = live(login=False)
    assert life.error().code == "not_connected"
    assert life.ledger.find("r1") is None


def test_a_send_that_a_kill_cut_short_is_never_sent_again(live, tmp_path):
    live().ledger.begin("r1", b"s" * 32)  # and here the process dies
    life = live(epoch=2)
    close_cut_short(life.ledger, lambda _: None)
    assert life.error(first_epoch=1).code == "unknown_outcome"
    assert life.orders == []
    life.sending.tell_the_rest()
    assert [fact.error["code"] for fact in life.facts] == ["unknown_outcome"]


def test_the_engines_store_tells_under_which_id_it_may_have_gone(live):
    live().ledger.begin("r1", b"s" * 32)
    life = live(epoch=2)
    close_cut_short(life.ledger, lambda _: {b"s" * 32: "3EB0AA"})
    assert life.error(first_epoch=1).extra == {"wa_id": "3EB0AA"}


def test_what_the_store_never_saw_was_never_sent_and_may_be_tried_again(live):
    live().ledger.begin("r1", b"s" * 32)
    life = live(epoch=2)
    close_cut_short(life.ledger, lambda _: {})
    assert life.send(first_epoch=1)["wa_id"] == "SCRIPTED1"


def test_an_answer_that_nobody_got_is_told_by_the_next_life(live):
    first = live()
    first.ledger.begin("r1", b"s" * 32)
    first.ledger.settle("r1", result={"wa_id": "W", "timestamp": 5.0, "chat": {}})
    life = live(epoch=2)
    close_cut_short(life.ledger, lambda _: None)
    life.sending.tell_the_rest()
    life.sending.tell_the_rest()
    assert [(fact.wa_id, fact.timestamp) for fact in life.facts] == [("W", 5.0)]
    assert life.send(first_epoch=1)["wa_id"] == "W"


def test_a_ledger_that_is_younger_than_the_first_try_knows_nothing(live):
    life = live(epoch=7)
    assert life.error(first_epoch=6).code == "unknown_outcome"
    assert life.send("r2", first_epoch=7)["wa_id"] == "SCRIPTED1"
    assert live(epoch=9).ledger.since_epoch == 7


def test_old_rows_go_once_they_are_told(live):
    life = live()
    for name in ("told", "untold"):
        life.ledger.begin(name, b"")
        life.ledger.settle(name, result={})
    life.ledger.told("told")
    assert life.ledger.prune(time.time()) == 0
    assert life.ledger.prune(time.time() + KEEP_SECONDS + 60) == 1
    assert life.ledger.find("told") is None and life.ledger.find("untold") is not None


def test_a_file_goes_with_its_message_and_is_gone_after(live):
    life = live()
    life.transfers.upload_begin({"upload_id": "u1", "size": 3})
    content = {"type": "image", "media": {"upload_id": "u1"}}
    assert life.error(content=content).code == "no_such_upload"
    life.transfers.upload_chunk({"upload_id": "u1", "offset": 0, "data": "YWJj"})
    life.send(content=content)
    assert life.engine.messages.files == [b"abc"]
    with pytest.raises(base.EngineError, match="Upload the file first"):
        life.transfers.uploaded("u1")


def test_when_the_end_cannot_be_stored_the_life_ends(live, monkeypatch):
    life = live()

    def full(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(life.ledger, "settle", full)
    assert life.error().code == "timeout"
    assert [str(failure) for failure in life.failures] == ["disk full"]


@pytest.mark.parametrize(
    "args",
    [{"request_id": ""}, {"request_id": "x" * 65}, {"content": "hi"}],
)
def test_nonsense_is_refused(live, args):
    assert live().error(**args).code == "invalid_request"
