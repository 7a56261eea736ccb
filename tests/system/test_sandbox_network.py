"""The unmodified neonize client against the sandbox network: every promise, end to end."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from sandbox.client import SandboxError, SandboxNetwork
from tests.system.neonize_client import NeonizeClient
from tests.system.network_lab import (
    OURS,
    THEIRS,
    Start,
    api,
    device_of,
    eventually,
    linked,
    ours,
    query,
    sandbox,
    start,
    text_of,
)
from tests.system.sandbox_process import SandboxProcess

__all__ = ["api", "ours", "sandbox", "start"]

pytestmark = pytest.mark.system

PICTURE = base64.b64encode(b"\xff\xd8\xff\xe0 not really a picture").decode()


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
    eventually(lambda: query(tmp_path / "ours.db", "SELECT * FROM whatsmeow_device") == [])
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


def test_a_code_can_be_used_once(api: SandboxNetwork, start: Start) -> None:
    client = start()
    code = client.wait("qr")["code"]
    api.scan(OURS, code)
    with pytest.raises(SandboxError) as refused:
        api.scan(THEIRS, code)
    assert (refused.value.status, refused.value.code) == (409, "qr_expired")
