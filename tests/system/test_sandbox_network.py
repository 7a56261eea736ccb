"""The unmodified neonize client against the sandbox network: every promise, end to end."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import SandboxError, SandboxNetwork
from tests.system.neonize_client import NeonizeClient
from tests.system.sandbox_process import ROOT, SandboxProcess

pytestmark = pytest.mark.system

OURS = "+15550001001"
THEIRS = "+15550002002"
DEADLINE_SECONDS = 15.0
PICTURE = base64.b64encode(b"\xff\xd8\xff\xe0 not really a picture").decode()

Start = Callable[..., NeonizeClient]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path / "network") as process:
        yield process


@pytest.fixture
def api(sandbox: SandboxProcess) -> Iterator[SandboxNetwork]:
    with sandbox.api() as network:
        network.create_phone(OURS, "Ours")
        network.create_phone(THEIRS, "Theirs")
        yield network


@pytest.fixture
def start(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Start]:
    clients: list[NeonizeClient] = []

    def start_client(name: str = "ours", log_level: str = "WARNING") -> NeonizeClient:
        client = NeonizeClient(sandbox.network, tmp_path / f"{name}.db", log_level=log_level)
        clients.append(client)
        return client

    yield start_client
    for client in clients:
        client.kill()


@pytest.fixture
def ours(api: SandboxNetwork, start: Start) -> NeonizeClient:
    return linked(api, start(), OURS)


def linked(api: SandboxNetwork, client: NeonizeClient, number: str) -> NeonizeClient:
    api.scan(number, client.wait("qr")["code"])
    client.wait("Connected")
    return client


def eventually(probe: Callable[[], Any], deadline: float = DEADLINE_SECONDS) -> Any:
    end = time.monotonic() + deadline
    while not (value := probe()):
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.02)
    return value


def text_of(event: dict[str, Any]) -> str:
    message = event["data"]["Message"]
    extended: str = message.get("extendedTextMessage", {}).get("text", "")
    return message.get("conversation", "") or extended


def device_of(api: SandboxNetwork, number: str) -> dict[str, Any]:
    return next(device for device in api.state()["devices"] if device["phone_number"] == number)


def test_a_client_pairs_by_qr_and_gets_the_phones_number(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    assert ours.call("me")["JID"]["User"] == OURS.removeprefix("+")
    (device,) = api.phone(OURS)["devices"]
    assert device["connected"]


def test_a_client_pairs_by_code(api: SandboxNetwork, start: Start) -> None:
    client = start()
    client.wait("qr")
    code = client.call("pair_phone", phone=OURS)
    api.pair(OURS, code)
    client.wait("Connected")


def test_a_wrong_code_is_refused(api: SandboxNetwork, start: Start) -> None:
    client = start()
    client.wait("qr")
    code = client.call("pair_phone", phone=OURS)
    wrong = ("B" if code[0] == "A" else "A") + code[1:]
    with pytest.raises(SandboxError) as refused:
        api.pair(OURS, wrong)
    assert (refused.value.status, refused.value.code) == (409, "wrong_code")


def test_texts_travel_both_ways_with_receipts(api: SandboxNetwork, ours: NeonizeClient) -> None:
    (wa_id,) = api.send_text(THEIRS, OURS, "hello")
    message = ours.wait("Message")
    assert text_of(message) == "hello"
    assert message["data"]["Info"]["Pushname"] == "Theirs"

    answer = ours.call("send", to=THEIRS, text="hi")
    (received,) = eventually(lambda: api.inbox(THEIRS))
    assert (received["text"], received["from"], received["wa_id"]) == ("hi", OURS, answer)
    assert ours.wait("Receipt")["data"]["MessageIDs"] == [answer]

    api.read(THEIRS, answer)
    read = ours.wait("Receipt", lambda event: event["data"].get("Type") == "READ")
    assert read["data"]["MessageIDs"] == [answer]

    lid = api.phone(THEIRS)["lid"]
    ours.call("read", chat=lid, wa_id=wa_id)
    eventually(lambda: {"inactive", "read"} <= {one["type"] for one in api.receipts(THEIRS)})


def test_the_own_phone_sees_what_its_companion_sent(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    ours.call("send", to=THEIRS, text="from the companion")
    (copy,) = eventually(lambda: api.inbox(OURS))
    assert copy["from_me"]
    assert (copy["text"], copy["to"]) == ("from the companion", THEIRS)


def test_a_companion_sees_what_its_own_phone_sent(api: SandboxNetwork, ours: NeonizeClient) -> None:
    api.send_text(OURS, THEIRS, "from the phone")
    message = ours.wait("Message")
    assert text_of(message) == "from the phone"
    assert message["data"]["Info"]["MessageSource"]["IsFromMe"]
    assert message["data"]["Info"]["MessageSource"]["Chat"]["User"] in api.phone(THEIRS)["lid"]


def test_a_note_to_oneself_goes_to_the_companions_only(
    api: SandboxNetwork, ours: NeonizeClient, sandbox: SandboxProcess
) -> None:
    api.send_text(OURS, OURS, "do not forget")
    message = ours.wait("Message")
    assert text_of(message) == "do not forget"
    assert message["data"]["Info"]["MessageSource"]["IsFromMe"]
    assert "cannot read" not in (sandbox.directory / "sandbox.log").read_text()


def test_two_linked_numbers_talk(api: SandboxNetwork, ours: NeonizeClient, start: Start) -> None:
    theirs = linked(api, start("theirs"), THEIRS)
    wa_id = ours.call("send", to=THEIRS, text="one")
    assert text_of(theirs.wait("Message")) == "one"
    assert ours.wait("Receipt")["data"]["MessageIDs"] == [wa_id]
    theirs.call("send", to=OURS, text="two")
    assert text_of(ours.wait("Message")) == "two"


def test_every_device_of_a_number_gets_a_message(
    api: SandboxNetwork, ours: NeonizeClient, start: Start
) -> None:
    second = linked(api, start("second"), OURS)
    api.send_text(THEIRS, OURS, "to all")
    assert text_of(ours.wait("Message")) == "to all"
    assert text_of(second.wait("Message")) == "to all"
    ours.call("send", to=THEIRS, text="from the first")
    copy = second.wait("Message")
    assert text_of(copy) == "from the first"
    assert copy["data"]["Info"]["MessageSource"]["IsFromMe"]


def test_a_device_linked_later_is_found_by_who_had_cached_the_list(
    api: SandboxNetwork, ours: NeonizeClient, start: Start
) -> None:
    ours.call("send", to=THEIRS, text="caches the device list")
    theirs = linked(api, start("theirs"), THEIRS)
    ours.call("send", to=THEIRS, text="for the new device too")
    assert text_of(theirs.wait("Message")) == "for the new device too"


def test_an_unread_queue_is_delivered_in_order_after_a_restart_of_both(
    sandbox: SandboxProcess, api: SandboxNetwork, ours: NeonizeClient, start: Start
) -> None:
    ours.call("send", to=THEIRS, text="makes a session")
    eventually(lambda: api.inbox(THEIRS) and device_of(api, OURS)["unacked"] == 0)
    ours.kill()
    eventually(lambda: not device_of(api, OURS)["connected"])
    api.send_text(THEIRS, OURS, "number {n}", count=5)
    assert device_of(api, OURS)["queued"] == 5

    assert sandbox.stop() == 0
    assert not (sandbox.directory / "network.json").exists()
    sandbox.start()

    again = start()
    again.wait("Connected")
    texts = [text_of(again.wait("Message")) for _ in range(5)]
    assert texts == [f"number {index}" for index in range(5)]
    assert not [event for event in again.events if event["event"] == "qr"]
    with sandbox.api() as restarted:
        eventually(lambda: device_of(restarted, OURS)["unacked"] == 0)
        again.call("send", to=THEIRS, text="the session survived")
        eventually(lambda: restarted.inbox(THEIRS)[-1]["text"] == "the session survived")


def test_a_dropped_connection_comes_back(api: SandboxNetwork, ours: NeonizeClient) -> None:
    jid = device_of(api, OURS)["jid"]
    assert api.fault("drop", phone_number=OURS)["hit"] == [jid]
    ours.wait("Disconnected")
    ours.wait("Connected")


def test_unlinking_from_the_phone_logs_the_client_out(
    api: SandboxNetwork, ours: NeonizeClient, start: Start, tmp_path: Path
) -> None:
    assert api.unlink(OURS) == [f"{OURS.removeprefix('+')}:1@s.whatsapp.net"]
    ours.wait("LoggedOut")
    assert api.phone(OURS)["devices"] == []
    # whatsmeow reports the logout before it has deleted the credentials
    eventually(lambda: _query(tmp_path / "ours.db", "SELECT * FROM whatsmeow_device") == [])
    ours.kill()
    assert start().wait("qr")


def test_a_client_logs_itself_out(api: SandboxNetwork, ours: NeonizeClient) -> None:
    ours.call("logout")
    eventually(lambda: api.phone(OURS)["devices"] == [])


def test_a_device_unlinked_while_away_is_refused(
    api: SandboxNetwork, ours: NeonizeClient, start: Start
) -> None:
    ours.kill()
    api.unlink(OURS)
    assert start().wait("LoggedOut")


def test_a_second_login_replaces_the_first(
    api: SandboxNetwork, ours: NeonizeClient, tmp_path: Path, start: Start
) -> None:
    for suffix in ("db", "db-wal", "db-shm"):
        original = tmp_path / f"ours.{suffix}"
        if original.exists():
            (tmp_path / f"copy.{suffix}").write_bytes(original.read_bytes())
    start("copy").wait("Connected")
    ours.wait("StreamReplaced")


def test_pictures(api: SandboxNetwork, ours: NeonizeClient) -> None:
    with pytest.raises(RuntimeError, match="does not have a profile picture"):
        ours.call("picture", of=THEIRS)
    picture_id = api.set_picture(THEIRS, PICTURE)["picture_id"]
    changed = ours.wait("Picture")
    assert changed["data"]["JID"]["User"] in api.phone(THEIRS)["lid"]
    found = ours.call("picture", of=THEIRS)
    assert found["ID"] == picture_id
    assert found["URL"].startswith("https://pps.whatsapp.net/")
    api.fault("no_avatar", phone_number=OURS, count=1)
    with pytest.raises(RuntimeError):
        ours.call("picture", of=THEIRS)
    api.set_picture(THEIRS, None)
    with pytest.raises(RuntimeError, match="does not have a profile picture"):
        ours.call("picture", of=THEIRS)


def test_a_number_is_found_by_who_asks_whether_it_is_on_whatsapp(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    (found,) = ours.call("on_whatsapp", phone=THEIRS)
    assert found["IsIn"]
    (missing,) = ours.call("on_whatsapp", phone="+15559999999")
    assert not missing["IsIn"]


def test_presence_and_typing_are_passed_on(api: SandboxNetwork, ours: NeonizeClient) -> None:
    api.announce_presence(THEIRS, "composing", OURS)
    assert ours.wait("ChatPresence")["data"]["State"] == "COMPOSING"
    ours.call("typing", to=THEIRS)
    eventually(lambda: [entry["state"] for entry in api.presence(THEIRS)] == ["composing"])


def test_an_unknown_query_is_answered_with_an_error(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    with pytest.raises(RuntimeError, match="501"):
        ours.call("qr_link")
    refused = [entry for entry in api.stanzas() if entry["error"] == "501"]
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("parameters", "event"),
    [
        ({"code": 401}, "LoggedOut"),
        ({"code": 402, "ban_code": 101, "expire": 3600}, "TemporaryBan"),
        ({"code": 403}, "LoggedOut"),
        ({"code": 405}, "ClientOutdated"),
        ({"code": 400}, "ConnectFailure"),
    ],
)
def test_a_login_can_be_refused(
    api: SandboxNetwork, ours: NeonizeClient, parameters: dict[str, int], event: str
) -> None:
    api.fault("failure", phone_number=OURS, **parameters)
    ours.wait(event)


def test_a_server_that_restarts_is_found_again(api: SandboxNetwork, ours: NeonizeClient) -> None:
    api.fault("failure", phone_number=OURS, code=503)
    ours.wait("Connected")
    api.fault("stream_error", phone_number=OURS, code=503)
    ours.wait("Connected")


def test_a_send_can_be_rejected_as_reach_out_time_lock(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    api.fault("reject_send_463", phone_number=OURS, count=1)
    with pytest.raises(RuntimeError, match="463"):
        ours.call("send", to=THEIRS, text="too many strangers")
    ours.call("send", to=THEIRS, text="goes through")


def test_a_message_that_cannot_be_read_is_sent_again(
    api: SandboxNetwork, ours: NeonizeClient, sandbox: SandboxProcess, tmp_path: Path, start: Start
) -> None:
    api.send_text(THEIRS, OURS, "makes a session")
    ours.wait("Message")
    eventually(lambda: device_of(api, OURS)["unacked"] == 0)
    ours.kill()
    _query(tmp_path / "ours.db", "DELETE FROM whatsmeow_sessions")
    again = start()
    again.wait("Connected")
    again.call("send", to=THEIRS, text="a new session from this side")
    api.send_text(THEIRS, OURS, "in a session that one side forgot")
    message = again.wait("Message")
    assert text_of(message) == "in a session that one side forgot"
    eventually(lambda: device_of(api, OURS)["unacked"] == 0)


def _query(database: Path, sql: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(sql).fetchall()


def test_a_phone_that_was_offline_reads_later(api: SandboxNetwork, ours: NeonizeClient) -> None:
    api.offline(THEIRS)
    wa_id = ours.call("send", to=THEIRS, text="are you there")
    assert api.inbox(THEIRS) == []
    with pytest.raises(SandboxError) as refused:
        api.send_text(THEIRS, OURS, "no")
    assert refused.value.code == "phone_offline"
    api.online(THEIRS)
    assert api.inbox(THEIRS)[0]["wa_id"] == wa_id
    assert ours.wait("Receipt")["data"]["MessageIDs"] == [wa_id]


def test_a_passkey_demand_is_told_as_a_login_status_and_pairs_nobody(
    api: SandboxNetwork, start: Start
) -> None:
    protected = "+15550003003"
    api.create_phone(protected, requires_passkey=True)
    client = start()
    with pytest.raises(SandboxError) as refused:
        api.scan(protected, client.wait("qr")["code"])
    assert refused.value.code == "passkey_required"
    assert client.wait("login_status")["status"] == "passkey-request"
    eventually(
        lambda: any(
            entry["tag"] == "ack" and entry["type"] == "passkey_prologue_request"
            for entry in api.stanzas()
        )
    )
    assert api.phone(protected)["devices"] == []


def test_a_muted_server_keeps_messages_until_it_speaks_again(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    # The keys that the phone shares at pairing are on their way until then.
    eventually(lambda: device_of(api, OURS)["unacked"] == 0)
    api.fault("mute", phone_number=OURS)
    api.send_text(THEIRS, OURS, "held back")
    assert device_of(api, OURS)["unacked"] == 1
    api.clear_faults()
    assert text_of(ours.wait("Message")) == "held back"


def test_refused_connections_end_when_the_fault_is_cleared(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    api.fault("refuse_connections")
    api.fault("drop", phone_number=OURS)
    ours.wait("Disconnected")
    api.clear_faults()
    ours.wait("Connected")


def test_a_code_can_be_used_once(api: SandboxNetwork, start: Start) -> None:
    client = start()
    code = client.wait("qr")["code"]
    api.scan(OURS, code)
    with pytest.raises(SandboxError) as refused:
        api.scan(THEIRS, code)
    assert (refused.value.status, refused.value.code) == (409, "qr_expired")


def test_it_is_private_and_stops_at_once_without_a_trace(sandbox: SandboxProcess) -> None:
    description = sandbox.directory / "network.json"
    assert stat.S_IMODE(description.stat().st_mode) == 0o600
    assert stat.S_IMODE(sandbox.directory.stat().st_mode) == 0o700
    begun = time.monotonic()
    assert sandbox.stop() == 0
    assert time.monotonic() - begun < 1.0
    assert not description.exists()


def test_it_ends_with_its_standard_input(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--dir", str(tmp_path / "network"), "--exit-with-stdin"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually((tmp_path / "network" / "network.json").exists)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(DEADLINE_SECONDS) == 0
    finally:
        process.kill()
        process.wait(DEADLINE_SECONDS)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent death signal")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time;"
        "subprocess.Popen([sys.executable, '-m', 'sandbox', '--dir', sys.argv[1]]);"
        "time.sleep(60)"
    )
    directory = tmp_path / "network"
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(directory)], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        eventually((directory / "network.json").exists)
        parent.send_signal(signal.SIGKILL)
        parent.wait(DEADLINE_SECONDS)
        eventually(lambda: not (directory / "network.json").exists())
    finally:
        parent.kill()
        parent.wait(DEADLINE_SECONDS)


def test_what_is_acknowledged_survives_a_kill_of_the_sandbox(
    sandbox: SandboxProcess, api: SandboxNetwork, ours: NeonizeClient
) -> None:
    api.send_text(THEIRS, OURS, "before")
    ours.wait("Message")
    ours.call("send", to=THEIRS, text="answer")
    os.kill(sandbox.network["pid"], signal.SIGKILL)
    ours.kill()
    sandbox.__exit__()
    (sandbox.directory / "network.json").unlink()
    sandbox.start()
    with sandbox.api() as restarted:
        assert restarted.inbox(THEIRS)[0]["text"] == "answer"
        assert len(restarted.phone(OURS)["devices"]) == 1
