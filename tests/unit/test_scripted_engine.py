import json
import threading

import pytest

from sessions_mgr.engines import base, scripted
from sessions_mgr.engines.scripted import CONNECTED, SCRIPTS, ScriptedEngine, message

HI = base.Order("+15559999", {"type": "text", "text": "hi"})


class Run:
    """An engine in a thread, and what it said."""

    def __init__(self, script, **options):
        self.engine = ScriptedEngine(script, **options)
        self.facts = []
        self.error = None
        self._said = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            self.engine.run(self._emit)
        except (RuntimeError, base.EngineError) as exc:
            self.error = exc

    def _emit(self, fact):
        with self._said:
            self.facts.append(fact)
            self._said.notify_all()

    def wait_for(self, kind):
        with self._said:
            assert self._said.wait_for(lambda: any(isinstance(f, kind) for f in self.facts), 5)

    def over(self):
        self._thread.join(5)
        return not self._thread.is_alive()

    def end(self):
        self.engine.stop()
        assert self.over()


def test_it_fits_the_protocol():
    engine: base.Engine = ScriptedEngine([])
    assert engine.capabilities == base.Capabilities(fixed_message_id=True, group_requests=True)


def test_pairing_waits_for_the_scan():
    run = Run(SCRIPTS["pair"])
    run.wait_for(base.QrIssued)
    assert not run.engine.health().logged_in
    run.engine.scan()
    run.wait_for(base.Connected)
    assert [fact.kind for fact in run.facts] == ["qr_issued", "paired", "connected"]
    assert run.engine.health().logged_in
    run.end()


def test_it_stays_until_it_is_stopped_and_stopping_twice_is_stopping_once():
    run = Run(SCRIPTS["never_qr"])
    run.engine.stop()
    run.end()
    assert run.facts == []


def test_it_sends_and_receives():
    run = Run([CONNECTED, message("ID1", "hello")])
    run.wait_for(base.MessageReceived)
    assert run.facts[1].chat.phone_number == "+15559999"
    assert run.engine.messages.send(HI).wa_id == "SCRIPTED1"
    assert run.engine.stage.asked == [("send", (HI.to, HI.content))]
    run.end()


def test_commands_that_come_too_early_are_refused_with_a_code():
    engine = ScriptedEngine([])
    for act in (
        lambda: engine.messages.send(HI),
        engine.unlink,
        lambda: engine.pair_phone("+1"),
    ):
        with pytest.raises(base.EngineError) as refused:
            act()
        assert refused.value.code in ("not_connected", "not_pairing")


def test_unlinking_reports_it():
    run = Run(SCRIPTS["resume"])
    run.wait_for(base.Connected)
    run.engine.unlink()
    run.wait_for(base.Unlinked)
    run.end()


def test_it_can_fail_in_our_own_code_and_at_the_line():
    failed, unreachable = Run(SCRIPTS["fail"]), Run(SCRIPTS["unreachable"])
    assert failed.over() and unreachable.over()
    assert isinstance(failed.error, RuntimeError)
    assert unreachable.error.code == "line_unreachable"


def test_a_failing_emit_ends_the_run():
    def emit(_):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        ScriptedEngine(SCRIPTS["resume"]).run(emit)


def test_it_can_hang_on_stop():
    engine = ScriptedEngine([], hang_on_stop=True)
    stopping = threading.Thread(target=engine.stop, daemon=True)
    stopping.start()
    stopping.join(0.05)
    assert stopping.is_alive()


def test_a_script_travels_by_name_or_as_json():
    for script in ("resume", json.dumps(scripted.SCRIPTS["resume"])):
        config = base.EngineConfig(store_path="", extra={"script": script})
        assert ScriptedEngine.from_config(config)._script == scripted.SCRIPTS["resume"]
