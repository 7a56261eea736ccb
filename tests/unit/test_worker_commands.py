"""What a worker answers: every operation, deadlines, notes of what runs, errors with codes."""

import contextlib
import json
import sqlite3
import threading
import time
from uuid import UUID

import pytest

from sessions_mgr.commands import PASSING, TIMEOUTS
from sessions_mgr.engines import base, neonize_secrets
from sessions_mgr.engines.scripted import CONNECTED, ScriptedEngine
from sessions_mgr.worker import commands, pictures, sending
from sessions_mgr.worker.commands import SECONDS
from sessions_mgr.worker.config import WorkerConfig
from sessions_mgr.worker.crumbs import FILE, Crumbs, left_behind
from sessions_mgr.worker.deadlines import Deadlines
from sessions_mgr.worker.operations import make_commands

SOMEBODY = "15559999@s.whatsapp.net"


class Worker:
    def __init__(self, folder, replies=None, login=True):
        config = WorkerConfig(
            account_id=UUID(int=1),
            workspace_id=UUID(int=2),
            epoch=1,
            node="n",
            session_dir=folder,
            nats_url="",
            engine="scripted",
        )
        self.engine = ScriptedEngine([CONNECTED] if login else [], replies=replies)
        self.thread = threading.Thread(target=self.engine.run, args=(lambda _: None,))
        self.thread.start()
        end = time.monotonic() + 5
        while login and not self.engine.health().logged_in:
            assert time.monotonic() < end
        self.facts = []
        self.commands = make_commands(
            config, self.engine, tell=self.facts.append, on_failure=self.facts.append
        )

    def ask(self, op, **args):
        return json.loads(self.commands.answer(json.dumps({"op": op, "args": args}).encode()))

    def end(self):
        self.engine.stop()
        self.thread.join(5)


@pytest.fixture
def start(tmp_path):
    workers = []

    def one(**settings):
        workers.append(Worker(tmp_path, **settings))
        return workers[-1]

    yield one
    for worker in workers:
        worker.end()


def test_every_operation_has_a_timeout_at_the_caller_that_is_longer(start):
    operations = set(start().commands._operations) - {"panic"}
    assert operations == set(TIMEOUTS)
    assert all(TIMEOUTS[op] > seconds for op, seconds in SECONDS.items())
    assert TIMEOUTS["send"] > sending.ANSWER_SECONDS
    assert sending.PASSING <= PASSING


def test_people_are_asked_for(start):
    worker = start()
    found = worker.ask("check_numbers", numbers=["+15551", "+15550000", "+15551"])["result"]
    assert [(r["number"], r["registered"]) for r in found["results"]] == [
        ("+15551", True),
        ("+15550000", False),
    ]
    assert worker.ask("presence", state="available") == {"ok": True, "result": {}}
    assert worker.ask("typing", to="+15551", state="recording")["ok"]
    assert worker.ask("mark_read", chat=SOMEBODY, sender="", wa_ids=["A"], played=True)["ok"]
    assert [name for name, _ in worker.engine.stage.asked] == [
        "check_numbers",
        "announce",
        "typing",
        "mark_read",
    ]


def test_names_come_in_pages(start, monkeypatch):
    monkeypatch.setattr("sessions_mgr.worker.people.NAMES", 2)
    names = [{"jid": f"{n}@lid", "full": str(n)} for n in (3, 1, 2)]
    worker = start(replies={"names": names})
    first = worker.ask("contact_names")["result"]
    assert ([c["jid"] for c in first["contacts"]], first["next"]) == (["1@lid", "2@lid"], "2@lid")
    second = worker.ask("contact_names", after=first["next"])["result"]
    assert ([c["full"] for c in second["contacts"]], second["next"]) == (["3"], "")


@pytest.mark.parametrize(
    ("link", "answer"),
    [
        ({"state": "none"}, {"picture_id": "", "state": "none"}),
        ({"state": "hidden"}, {"picture_id": "", "state": "hidden"}),
        ({"state": "unchanged"}, {"state": "unchanged"}),
    ],
)
def test_a_picture_that_is_not_fetched(start, link, answer):
    worker = start(replies={"picture": link})
    assert worker.ask("picture", jid=SOMEBODY, known_id="1")["result"] == answer


def test_a_picture_is_fetched(start, monkeypatch):
    link = {"state": "found", "picture_id": "7", "url": "https://pps/x"}
    monkeypatch.setattr(pictures, "fetch", lambda url, **_: (url.encode(), "image/jpeg"))
    result = start(replies={"picture": link}).ask("picture", jid=SOMEBODY)["result"]
    assert result == {"picture_id": "7", "mime_type": "image/jpeg", "data": "aHR0cHM6Ly9wcHMveA=="}


def test_a_picture_at_an_address_that_is_not_https_is_not_fetched(start):
    link = {"state": "found", "picture_id": "7", "url": "http://127.0.0.1/x"}
    error = start(replies={"picture": link}).ask("picture", jid=SOMEBODY)["error"]
    assert error["code"] == "picture_failed"


def test_an_engine_that_hangs_is_left_alone_after_the_deadline(start):
    worker = start(replies={"picture": {"seconds": 5.0}})
    begun = time.monotonic()
    assert worker.ask("picture", jid=SOMEBODY, timeout=0.05)["error"]["code"] == "timeout"
    assert time.monotonic() - begun < 4  # before the engine answers
    assert worker.ask("presence", state="available")["ok"]


def test_too_many_hanging_calls_are_refused():
    release = threading.Event()
    deadlines = Deadlines(hanging_calls=2)
    codes = []
    for _ in range(3):
        with pytest.raises(base.EngineError) as error:
            deadlines.call(0.01, release.wait)
        codes.append(error.value.code)
    release.set()
    assert codes == ["timeout", "timeout", "busy"]


def test_groups_are_managed(start):
    worker = start()
    jid = worker.ask("group_create", name="Club", participants=["+15551"])["result"]["jid"]
    worker.ask("group_participants", jid=jid, action="promote", participants=["+15551"])
    changed = worker.ask("group_update", jid=jid, subject="New", locked=True)["result"]
    assert (changed["subject"], changed["locked"], changed["announce"]) == ("New", True, False)
    assert changed["participants"][0]["admin"]
    assert worker.ask("group_list")["result"]["groups"][0]["jid"] == jid
    code = "https://chat.whatsapp.com/abc"
    assert worker.ask("group_join", code=code)["ok"]
    assert ("group_join", ("abc",)) in worker.engine.stage.asked
    worker.ask("upload_begin", upload_id="p", size=3)
    worker.ask("upload_chunk", upload_id="p", offset=0, data="YWJj")
    assert worker.ask("group_picture", jid=jid, upload_id="p")["result"]["picture_id"]
    assert worker.ask("group_decide", jid=jid, action="approve", participants=[SOMEBODY])["ok"]
    assert worker.ask("group_leave", jid=jid)["ok"]
    assert worker.ask("group_info", jid=jid)["error"]["code"] == "not_found"


def test_a_list_of_groups_that_is_too_long_leaves_members_out(start, monkeypatch):
    monkeypatch.setattr("sessions_mgr.worker.groups.ANSWER_BYTES", 500)
    groups = [{"jid": f"{n}@g.us", "participants": ["x" * 200]} for n in range(4)]
    found = start(replies={"group_list": groups}).ask("group_list")["result"]["groups"]
    assert [group["participants"] is None for group in found] == [False, False, True, True]


@pytest.mark.parametrize(
    ("op", "args", "code"),
    [
        ("dance", {}, "unknown_op"),
        ("send", {"request_id": "r"}, "invalid_request"),
        ("picture", {}, "invalid_request"),
        ("picture", {"jid": "x", "timeout": "soon"}, "invalid_request"),
        ("check_numbers", {"numbers": []}, "invalid_request"),
        ("check_numbers", {"numbers": ["+1555 1; x"]}, "invalid_phone_number"),
        ("check_numbers", {"numbers": ["+15551"] * 101}, "invalid_request"),
        ("check_numbers", {"numbers": 5}, "invalid_request"),
        ("presence", {"state": "asleep"}, "invalid_request"),
        ("typing", {"to": "+1", "state": "singing"}, "invalid_request"),
        ("mark_read", {"chat": SOMEBODY, "wa_ids": ["A B"]}, "invalid_request"),
        ("group_create", {"name": " ", "participants": []}, "invalid_request"),
        ("group_create", {"name": "x" * 101, "participants": []}, "invalid_request"),
        ("group_create", {"name": "x", "participants": "+1"}, "invalid_request"),
        ("group_update", {"jid": "1@g.us", "locked": "yes"}, "invalid_request"),
        ("group_decide", {"jid": "1@g.us", "action": "x", "participants": []}, "invalid_request"),
        ("group_picture", {"jid": "1@g.us", "upload_id": "none"}, "no_such_upload"),
        ("panic", {}, "not_allowed"),
    ],
)
def test_what_cannot_be_done_says_why(start, op, args, code):
    assert start().ask(op, **args)["error"]["code"] == code


@pytest.mark.parametrize("op", sorted(SECONDS))
def test_without_a_login_the_engine_is_not_asked(start, op):
    worker = start(login=False)
    assert worker.ask(op)["error"]["code"] == "not_connected"
    assert worker.engine.stage.asked == []


def test_errors_carry_what_programs_need(start):
    refused = {"code": "rate_limited", "detail": "slowly", "until": 5.0}
    error = start(replies={"check_numbers": {"error": refused}}).ask(
        "check_numbers", numbers=["+15551"]
    )["error"]
    assert error == refused


@pytest.mark.parametrize("request_", [b"", b"[]", b"{}", b'{"op": 5}', b'{"op":"send","args":[1]}'])
def test_a_request_that_is_none_is_answered(start, request_):
    assert not json.loads(start().commands.answer(request_))["ok"]


# Notes of what runs -------------------------------------------------------------------------------


def test_what_ran_when_the_process_died_is_told_once(tmp_path):
    crumbs = Crumbs(tmp_path)
    with crumbs.around("typing", "a"), crumbs.around("picture", SOMEBODY):
        crash = (tmp_path / FILE).read_bytes()
    assert left_behind(tmp_path) == []
    (tmp_path / FILE).write_bytes(crash)
    assert [(c.op, c.subject) for c in left_behind(tmp_path)] == [
        ("typing", "a"),
        ("picture", SOMEBODY),
    ]
    assert left_behind(tmp_path) == []


def test_a_note_that_was_half_written_is_no_note(tmp_path):
    (tmp_path / FILE).write_text('[{"op": "pic')
    assert left_behind(tmp_path) == []


def test_each_question_is_noted_with_its_subject(start, tmp_path, monkeypatch):
    seen = []
    worker = start()
    monkeypatch.setattr(
        worker.engine.people, "typing", lambda *_: seen.append((tmp_path / FILE).read_text())
    )
    worker.ask("typing", to=SOMEBODY, state="typing")
    (note,) = json.loads(seen[0])
    assert (note["op"], note["subject"]) == ("typing", SOMEBODY)
    assert json.loads((tmp_path / FILE).read_text()) == []
    assert set(commands.SECONDS) >= {"picture", "group_info", "contact_names"}


# What the engine's store knows of sends ---------------------------------------------------------


def test_ids_are_found_by_secret(tmp_path):
    store = tmp_path / "store.db"
    assert neonize_secrets.ids_by_secret(store, [b"s"]) is None
    with contextlib.closing(sqlite3.connect(store)) as db, db:
        db.execute("CREATE TABLE whatsmeow_message_secrets (message_id TEXT, key BLOB)")
        db.execute("INSERT INTO whatsmeow_message_secrets VALUES ('3EB0', ?)", (b"s" * 32,))
    found = neonize_secrets.ids_by_secret(store, [b"s" * 32, b"t" * 32])
    assert found == {b"s" * 32: "3EB0"}
    assert neonize_secrets.id_while_running(store, b"s" * 32) == "3EB0"
    assert neonize_secrets.id_while_running(store, b"t" * 32) == ""
    store.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    assert neonize_secrets.ids_by_secret(store, [b"s"]) is None
