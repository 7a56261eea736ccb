"""One worker from its start to every end it can have: real neonize, sandbox network, real bus."""

import json
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from config.examples import SHAPES
from sandbox.client import SandboxError
from sessions_mgr import stores
from sessions_mgr.engines.scripted import CONNECTED, message
from sessions_mgr.supervision.networks import zygote_environment
from sessions_mgr.worker.exits import Exit
from tests.product import remove_folder
from tests.system.worker_lab import Lab, until


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


# Pairing ------------------------------------------------------------------------------------------


def test_a_new_number_shows_a_code_and_is_connected_after_the_scan(lab):
    account, phone = lab.account(), lab.phone()
    lab.spawn(account)
    code = lab.listener.wait(account, "qr_issued")
    lab.scan(account, phone)
    lab.listener.wait(account, "connected")

    assert code["data"]["attempt"] == 1
    assert 55 < code["data"]["expires_at"] - code["at"] <= 60
    kinds = [fact["kind"] for fact in lab.listener.of(account)]
    assert kinds[:3] == ["qr_issued", "paired", "connected"]
    connected = lab.listener.of(account, "connected")[0]["data"]
    assert connected["phone_number"] == phone
    assert connected["jid"].startswith(phone[1:]) and connected["jid"].endswith("@s.whatsapp.net")
    assert connected["lid"].endswith("@lid")


def test_the_name_of_a_new_links_profile_is_told_as_soon_as_something_happens(lab):
    account, phone = lab.paired()
    friend = lab.phone()

    def name():
        lab.phones.send_one(friend, phone, "text", text="hello")
        return lab.listener.of(account, "connected")[-1]["data"]["push_name"]

    until(lambda: name() == f"Phone {phone}", "its name")
    told = [fact["data"]["push_name"] for fact in lab.listener.of(account, "connected")]
    assert told.count(f"Phone {phone}") == 1  # also when it was there at the login


def test_a_number_can_be_linked_by_typing_a_code(lab):
    account, phone = lab.account(), lab.phone()
    lab.spawn(account)
    lab.listener.wait(account, "qr_issued")
    reply = lab.nats.request(account, "pair_phone", phone_number=phone)
    assert reply["ok"], reply
    lab.phones.pair(phone, reply["result"]["code"])
    assert lab.listener.wait(account, "connected")["data"]["phone_number"] == phone
    assert lab.listener.wait(account, "pairing_code_issued")["data"] == reply["result"]


def test_a_demand_for_a_passkey_ends_the_pairing_under_its_name(lab):
    account, phone = lab.account(), lab.phone(requires_passkey=True)
    lab.spawn(account)
    code = lab.listener.wait(account, "qr_issued")["data"]["code"]
    try:
        lab.phones.scan(phone, code)
    except SandboxError as refused:  # the phone may learn that it did not work, or not
        assert "passkey" in str(refused)
    assert lab.end(account).status == Exit.PASSKEY_REQUIRED
    lab.listener.wait(account, "passkey_required")


def test_when_nobody_scans_in_time_the_worker_ends(lab):
    account = lab.account()
    lab.spawn(account, pairing_timeout=1.0)
    assert lab.end(account).status == Exit.PAIRING_EXPIRED
    lab.listener.wait(account, "pairing_expired")


def test_when_no_code_ever_comes_the_line_is_to_blame(lab):
    account = lab.account()
    lab.spawn(
        account, engine="scripted", engine_options={"script": "never_qr"}, pairing_timeout=0.3
    )
    assert lab.end(account).status == Exit.LINE_UNREACHABLE


# Being connected ----------------------------------------------------------------------------------


def test_messages_arrive_in_order_and_are_answered(lab):
    account, phone = lab.paired()
    friend = lab.phone()
    lab.phones.send_text(friend, phone, "hello {n}", count=20)
    until(lambda: len(lab.listener.of(account, "message_received")) >= 20, "20 messages")
    texts = [f["data"]["text"] for f in lab.listener.of(account, "message_received")]
    assert texts == [f"hello {n}" for n in range(20)]

    wa_id = lab.say(account, friend, "hi")
    receipt = lab.listener.wait(account, "receipt_received")
    assert receipt["data"]["wa_ids"] == [wa_id]


def test_health_says_separate_facts(lab):
    account, _ = lab.paired()
    health = lab.nats.request(account, "health")["result"]
    assert health["pid"] == lab.pid(account)
    assert (health["socket_alive"], health["logged_in"]) == (True, True)
    assert (health["engine"], health["epoch"], health["node"]) == ("neonize", 1, "lab")
    assert health["capabilities"] == SHAPES["Health"]["capabilities"]
    assert health["rss_bytes"] > 10**7 and health["threads"] > 3 and health["fds"] > 3


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        pytest.param({"op": "dance"}, "unknown_op", id="unknown operation"),
        pytest.param(
            {"op": "send", "request_id": "R1", "to": "+1555"}, "invalid_request", id="no content"
        ),
        pytest.param(
            {"op": "send", "request_id": "R2", "to": "x@y", "content": {"type": "text"}},
            "invalid_recipient",
            id="to",
        ),
        pytest.param({"op": "pair_phone", "phone_number": "+15550001"}, "not_pairing", id="paired"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(lab, connected, request_, code):
    account, _ = connected
    reply = lab.nats.request(account, **request_)
    assert reply["error"]["code"] == code


@pytest.fixture(scope="module")
def connected(lab):
    return lab.paired()


def test_while_the_bus_is_away_nothing_is_lost_and_the_order_stays(lab):
    account, phone = lab.paired()
    friend = lab.phone()
    lab.nats.stop()
    try:
        lab.phones.send_text(friend, phone, "away {n}", count=100)
        until(lambda: spooled(lab, account) >= 100, lambda: f"spooled {spooled(lab, account)}")
    finally:
        lab.nats.start()
    until(lambda: spooled(lab, account) == 0, "the spool to empty")

    texts = [f["data"]["text"] for f in lab.nats.stored(account) if f["kind"] == "message_received"]
    assert texts == [f"away {n}" for n in range(100)]


def spooled(lab, account):
    db = sqlite3.connect(f"file:{lab.dir(account) / stores.SPOOL}?mode=ro", uri=True)
    try:
        return db.execute("SELECT COUNT(*) FROM facts").fetchone()[0]
    finally:
        db.close()


# Ends ---------------------------------------------------------------------------------------------


def test_after_kill_9_the_same_store_logs_in_again_without_a_code(lab):
    account, _ = lab.paired()
    lab.process(account).kill()
    assert lab.end(account).status == -signal.SIGKILL

    lab.spawn(account, epoch=2)
    lab.listener.wait(account, "connected", epoch=2)
    assert not lab.listener.of(account, "qr_issued", epoch=2)


def test_a_graceful_stop_under_load_loses_nothing_and_leaves_an_empty_spool(lab):
    account, phone = lab.paired()
    friend = lab.phone()
    ids = lab.phones.send_text(friend, phone, "burst {n}", count=150)
    until(lambda: lab.listener.of(account, "message_received"), "the first message")
    end = lab.stop(account)

    assert (end.status, end.said) == (0, "stopped")
    assert spooled(lab, account) == 0
    lab.spawn(account, epoch=2)
    lab.listener.wait(account, "connected", epoch=2)
    until(lambda: set(ids) <= message_ids(lab, account), "all messages")
    stored = [f["id"] for f in lab.nats.stored(account)]
    assert len(stored) == len(set(stored))


def message_ids(lab, account):
    return {f["data"]["wa_id"] for f in lab.listener.of(account, "message_received")}


def test_an_unlink_on_the_phone_ends_the_worker_and_the_copy_keeps_the_credentials(lab):
    account, phone = lab.paired()
    lab.stop(account)
    lab.spawn(account, epoch=2)
    lab.listener.wait(account, "connected", epoch=2)
    lab.phones.unlink(phone)
    assert lab.end(account).status == Exit.LOGGED_OUT
    lab.listener.wait(account, "logged_out")
    assert not stores.has_credentials(lab.dir(account))
    copy = sqlite3.connect(lab.dir(account) / stores.COPY)
    assert copy.execute("SELECT COUNT(*) FROM whatsmeow_device").fetchone() == (1,)
    copy.close()


def test_an_unlink_on_our_side_ends_the_link_at_whatsapp(lab):
    account, _ = lab.paired()
    lab.workers.unlink(account)
    assert lab.end(account).status == Exit.UNLINKED
    lab.listener.wait(account, "unlinked")
    assert not stores.has_credentials(lab.dir(account))


def test_a_worker_for_unlinking_logs_in_and_ends_the_link(lab):
    account, _ = lab.paired()
    lab.stop(account)
    lab.spawn(account, epoch=2, mode="unlink")
    assert lab.end(account).status == Exit.UNLINKED


def test_unlinking_what_is_not_linked_is_done_at_once(lab):
    account = lab.account()
    lab.spawn(account, mode="unlink")
    assert lab.end(account).status == Exit.UNLINKED
    assert not lab.listener.of(account, "qr_issued")


def test_a_panic_in_go_kills_that_worker_only_and_its_trace_is_kept(lab):
    victim, _ = lab.paired()
    witness, _ = lab.paired()
    with pytest.raises(TimeoutError):
        lab.nats.request(victim, "panic", seconds=1.0)
    end = lab.end(victim)
    assert end.status == -signal.SIGABRT
    assert "panic" in end.detail or "SIGSEGV" in end.detail
    assert "goroutine" in lab.log(victim)
    assert lab.nats.request(witness, "health")["result"]["logged_in"]


def test_a_damaged_store_is_noticed_before_it_is_used(lab):
    account, _ = lab.paired()
    lab.stop(account)
    for end in ("-wal", "-shm"):
        (lab.dir(account) / f"{stores.STORE}{end}").unlink(missing_ok=True)
    (lab.dir(account) / stores.STORE).write_bytes(b"\x00garbage" * 5000)
    lab.spawn(account, epoch=2)
    assert lab.end(account).status == Exit.STORE_CORRUPT
    lab.listener.wait(account, "store_corrupt", epoch=2)


def test_a_store_is_never_opened_twice(lab):
    account = lab.account()
    held = stores.hold(lab.dir(account), json.dumps({"pid": os.getpid()}))
    lab.spawn(account)
    end = lab.end(account)
    os.close(held)
    assert end.status == Exit.STORE_LOCKED
    assert str(os.getpid()) in end.detail


def test_a_folder_that_is_removed_while_it_is_used_ends_the_worker(lab):
    account = lab.account()
    lab.script(account, "resume")
    lab.listener.wait(account, "connected")
    remove_folder(lab.dir(account))
    assert lab.end(account).status == Exit.STORE_CORRUPT


def test_a_live_worker_does_not_run_in_the_sandbox(lab):
    account = lab.account()
    lab.spawn(account, sandbox_trust_anchor="", proxy_url="")
    assert lab.end(account).status == Exit.CONFIG_INVALID


def test_a_fact_that_cannot_be_stored_ends_the_worker_loudly(lab):
    account = lab.account()
    lab.script(account, [CONNECTED, {"do": "wait", "seconds": 1.0}, message("ID1", "lost?")])
    lab.listener.wait(account, "connected")
    db = sqlite3.connect(lab.dir(account) / stores.SPOOL)
    db.execute("DROP TABLE facts")
    db.close()
    end = lab.end(account)
    assert end.status == Exit.INTERNAL
    assert "no such table" in end.detail
    assert "Traceback" in lab.log(account)


def test_an_engine_that_hangs_on_stop_does_not_keep_its_worker(lab):
    account = lab.account()
    lab.script(account, "resume", hang_on_stop="yes")
    lab.listener.wait(account, "connected")
    assert lab.stop(account).status == Exit.STOPPED


def test_a_worker_whose_supervisor_hangs_up_ends_by_itself(lab):
    account = lab.account()
    lab.script(account, "resume")
    lab.listener.wait(account, "connected")
    lab.workers._children[account].control.shutdown(2)
    assert lab.end(account).status == Exit.SUPERVISOR_GONE


# What workers share, and what not -----------------------------------------------------------------


def test_no_worker_holds_a_descriptor_of_another_or_of_the_zygote(lab):
    accounts = [lab.account() for _ in range(3)]
    for account in accounts:
        lab.script(account, "resume")
    for account in accounts:
        lab.listener.wait(account, "connected")
    zygote = sockets_of(lab.workers.zygote_pid)
    held = [sockets_of(lab.pid(account)) for account in accounts]
    for n, mine in enumerate(held):
        assert mine
        assert not mine & zygote
        for others in held[:n]:
            assert not mine & others


def sockets_of(pid):
    links = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    return {link for link in links if link.startswith("socket:")}


def test_the_zygote_has_one_thread_and_no_go(lab):
    process = Path(f"/proc/{lab.workers.zygote_pid}")
    assert "neonize-linux" not in (process / "maps").read_text()
    assert len(list((process / "task").iterdir())) == 1


def test_a_new_environment_is_for_new_workers_and_the_present_ones_live_on(lab):
    before, _ = lab.paired()
    zygote = lab.workers.zygote_pid
    lab.workers.change_environment(zygote_environment(os.environ, lab.sandbox.network))
    after, _ = lab.paired()
    assert lab.workers.zygote_pid != zygote
    assert lab.nats.request(before, "health")["result"]["logged_in"]
    assert lab.stop(before).status == lab.stop(after).status == Exit.STOPPED
