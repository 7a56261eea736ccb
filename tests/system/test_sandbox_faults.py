"""What goes wrong on request in the sandbox network, and how the network itself ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.client import SandboxError, SandboxNetwork
from tests.system.neonize_client import NeonizeClient
from tests.system.network_lab import (
    DEADLINE_SECONDS,
    OURS,
    THEIRS,
    Start,
    api,
    device_of,
    eventually,
    ours,
    query,
    sandbox,
    start,
    text_of,
)
from tests.system.sandbox_process import ROOT, SandboxProcess

__all__ = ["api", "ours", "sandbox", "start"]

pytestmark = pytest.mark.system


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
    query(tmp_path / "ours.db", "DELETE FROM whatsmeow_sessions")
    again = start()
    again.wait("Connected")
    again.call("send", to=THEIRS, text="a new session from this side")
    api.send_text(THEIRS, OURS, "in a session that one side forgot")
    message = again.wait("Message")
    assert text_of(message) == "in a session that one side forgot"
    eventually(lambda: device_of(api, OURS)["unacked"] == 0)


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


def test_it_is_private_and_stops_without_a_trace(sandbox: SandboxProcess) -> None:
    description = sandbox.directory / "network.json"
    assert stat.S_IMODE(description.stat().st_mode) == 0o600
    assert stat.S_IMODE(sandbox.directory.stat().st_mode) == 0o700
    assert sandbox.stop() == 0
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
