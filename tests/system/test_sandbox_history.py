"""What the neonize client cannot read or fetch, and what phones hand over of their history."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import SandboxError
from tests.system.contents_lab import OURS, THEIRS, Lab, b64, eventually, linked_lab, no_faults
from tests.system.neonize_client import NeonizeClient
from tests.system.sandbox_process import SandboxProcess

__all__ = ["linked_lab", "no_faults"]  # fixtures: `lab`, and its faults end with each test

pytestmark = pytest.mark.system


# --- what cannot be read, and files that cannot be had


@pytest.mark.parametrize("kind", ["text", "image", "reaction"])
def test_an_unreadable_message_is_sent_again_when_asked_for(lab: Lab, kind: str) -> None:
    target = lab.says("text", text="target")
    lab.heard(target)
    more: dict[str, Any] = {
        "text": {"text": "at last"},
        "image": {"media": {"base64": b64(b"at last")}},
        "reaction": {"reaction": {"message_id": target, "emoji": "👍"}},
    }[kind]
    wa_id = lab.says(kind, unreadable="until_retry", **more)
    assert not lab.heard(wa_id, "UndecryptableMessage")["IsUnavailable"]
    message = lab.heard(wa_id)
    assert message["RetryCount"] == "1"
    eventually(lab.settled)


def test_a_message_can_stay_unreadable_for_ever(lab: Lab) -> None:
    wa_id = lab.says("text", text="never", unreadable="forever")
    lab.heard(wa_id, "UndecryptableMessage")
    after = lab.says("text", text="the next one")
    assert lab.heard(after)["Message"]["conversation"] == "the next one"
    ids = [
        event["data"]["Info"]["ID"] for event in lab.client.events if event["event"] == "Message"
    ]
    assert wa_id not in ids
    assert lab.arrived(wa_id, OURS)["text"] == "never"


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_file_can_be_gone(lab: Lab, code: int) -> None:
    wa_id = lab.says("image", media={"base64": b64(b"gone")})
    lab.heard(wa_id)
    lab.api.fault("media_gone", phone_number=THEIRS, code=404)
    lab.api.fault("media_gone", phone_number=OURS, code=code, count=1)
    with pytest.raises(RuntimeError, match=str(code)):
        lab.client.call("download", wa_id=wa_id)
    assert base64.b64decode(lab.client.call("download", wa_id=wa_id)) == b"gone"


def test_a_file_can_be_corrupt(lab: Lab) -> None:
    wa_id = lab.says("image", media={"base64": b64(b"changed on the way")})
    lab.heard(wa_id)
    lab.api.fault("media_corrupt", phone_number=OURS, count=1)
    with pytest.raises(RuntimeError, match="hash"):
        lab.client.call("download", wa_id=wa_id)


def test_a_file_can_come_late(lab: Lab) -> None:
    wa_id = lab.says("image", media={"base64": b64(b"slow")})
    lab.heard(wa_id)
    lab.api.fault("media_slow", phone_number=OURS, seconds=0.5)
    begun = time.monotonic()
    assert base64.b64decode(lab.client.call("download", wa_id=wa_id)) == b"slow"
    assert time.monotonic() - begun >= 0.5


def test_a_phone_says_when_a_file_is_not_what_it_was_told(lab: Lab) -> None:
    part = lab.uploads(b"one thing", "MediaImage")
    entry = lab.sends(imageMessage={**part, "fileSHA256": b64(bytes(32))})
    assert entry["media"]["state"] == "corrupt"
    with pytest.raises(SandboxError) as refused:
        lab.api.inbox_media(THEIRS, entry["id"])
    assert (refused.value.status, refused.value.code) == (422, "media_corrupt")


# --- history


def test_history_is_handed_over_at_pairing_and_when_told(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    messages = [
        {"from": THEIRS, "text": "long ago", "timestamp": 1_700_000_000, "wa_id": "3AOLD1"},
        {"from": OURS, "text": "indeed", "timestamp": 1_700_000_060},
        {
            "from": THEIRS,
            "type": "poll",
            "poll": {"name": "Still?", "options": ["y", "n"]},
            "timestamp": 1_700_000_120,
        },
    ]
    chat = {"with": THEIRS, "name": "Them", "unread": 2, "archived": True, "messages": messages}
    (kept,) = lab.api.set_history(OURS, [chat])
    assert kept["wa_ids"][0] == "3AOLD1"
    database = tmp_path_factory.mktemp("second") / "second.db"
    with NeonizeClient(lab.process.network, database) as second:
        jid = lab.api.scan(OURS, second.wait("qr")["code"])["jid"]
        _check_history(lab, second.wait("HistorySync")["data"]["Data"], kept["wa_ids"])
        names = second.wait("HistorySync")["data"]["Data"]
        assert names["syncType"] == "PUSH_NAME"
        assert {"ID": lab.theirs_lid, "pushname": "Theirs"} in names["pushnames"]
        _confirmed_history(lab, jid)
        lab.api.sync_history(OURS, jid)
        again = second.wait("HistorySync")["data"]["Data"]
        _check_history(lab, again, kept["wa_ids"])
    lab.api.unlink(OURS, jid)


def test_older_messages_can_be_asked_for(lab: Lab) -> None:
    ids = [lab.says("text", text=text) for text in ("first", "second")]
    for wa_id in ids:
        lab.heard(wa_id)
    wanted = {"chatJID": lab.theirs_lid, "onDemandMsgCount": 2}
    request = {
        "peerDataOperationRequestType": "HISTORY_SYNC_ON_DEMAND",
        "historySyncOnDemandRequest": wanted,
    }
    kind = "PEER_DATA_OPERATION_REQUEST_MESSAGE"
    protocol = {"type": kind, "peerDataOperationRequestMessage": request}
    lab.client.call("send_message", to=OURS, message={"protocolMessage": protocol})
    history = lab.client.wait("HistorySync")["data"]["Data"]
    assert history["syncType"] == "ON_DEMAND"
    (chat,) = history["conversations"]
    assert chat["ID"] == lab.theirs_lid
    assert {entry["message"]["key"]["ID"] for entry in chat["messages"]} == set(ids)


def _check_history(lab: Lab, history: dict[str, Any], wa_ids: list[str]) -> None:
    assert history["syncType"] == "INITIAL_BOOTSTRAP"
    (chat,) = history["conversations"]
    assert (chat["ID"], chat["name"], chat["unreadCount"]) == (lab.theirs_lid, "Them", 2)
    assert chat["archived"]
    infos = [entry["message"] for entry in reversed(chat["messages"])]
    assert [info["key"]["ID"] for info in infos] == wa_ids
    assert [info["key"]["fromMe"] for info in infos] == [False, True, False]
    assert infos[0]["message"]["conversation"] == "long ago"
    assert infos[2]["messageSecret"]


def _confirmed_history(lab: Lab, jid: str) -> None:
    def receipts() -> list[str]:
        stanzas = [entry for entry in lab.api.stanzas() if entry["device"] == jid]
        return [entry["type"] for entry in stanzas if entry["tag"] == "receipt"]

    eventually(lambda: receipts().count("hist_sync") == 2)
    eventually(lab.settled)


def test_what_phones_know_survives_a_restart_of_the_sandbox(tmp_path: Path) -> None:
    content = os.urandom(1_000)
    with SandboxProcess(tmp_path / "network") as process:
        with process.api() as api:
            api.create_phone(OURS)
            api.create_phone(THEIRS)
            api.set_history(OURS, [{"with": THEIRS, "name": "Them"}])
            wa_id = api.send_one(THEIRS, OURS, "image", media={"base64": b64(content)})
        assert process.stop() == 0
        process.start()
        with process.api() as api:
            assert api.inbox_media(OURS, wa_id) == content
            reaction = {"message_id": wa_id, "emoji": "👍"}
            assert api.send_one(OURS, THEIRS, "reaction", reaction=reaction)
            assert api.history(OURS)[0]["name"] == "Them"
