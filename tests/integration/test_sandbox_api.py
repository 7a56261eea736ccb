"""The sandbox over REST, with a real network behind it: what virtual phones say and get."""

from __future__ import annotations

import base64

import pytest

from tests.system.sandbox_process import SandboxProcess

pytestmark = pytest.mark.django_db

OURS, THEIRS = "+15550001001", "+15550002002"
PHONES = "/api/v1/sandbox/phones"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with SandboxProcess(tmp_path_factory.mktemp("sandbox") / "network") as process:
        with process.api() as network:
            network.create_phone(OURS, "Ours")
            network.create_phone(THEIRS, "Theirs")
        yield process


@pytest.fixture
def phones(api, settings, sandbox):
    settings.SANDBOX = True
    settings.SANDBOX_DIR = sandbox.directory
    return api


def say(phones, **message):
    return phones.post(f"{PHONES}/{THEIRS}/messages", {"to": OURS, **message})


def test_a_file_goes_from_phone_to_phone(phones):
    media = {"base64": base64.b64encode(b"file").decode(), "mime_type": "text/html"}
    sent = say(phones, type="document", media=media, caption="look")

    assert sent.status_code == 202
    (entry,) = phones.get(f"{PHONES}/{OURS}/inbox?order=newest&limit=1").json()["results"]
    assert entry["wa_id"] == sent.json()["ids"][0]
    answer = phones.get(f"{PHONES}/{OURS}/inbox/{entry['id']}/media")
    assert (answer.content, answer.headers["Content-Type"]) == (b"file", "text/html")
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_reading_gives_receipts(phones):
    wa_id = say(phones, text="hi").json()["ids"][0]

    done = phones.post(f"{PHONES}/{OURS}/read", {"wa_id": wa_id, "played": True})

    assert done.json() == {"wa_id": wa_id, "type": "played"}
    receipts = phones.get(f"{PHONES}/{THEIRS}/receipts").json()["results"]
    assert [one["type"] for one in receipts if one["wa_id"] == wa_id] == ["delivery", "played"]


def test_history_is_given_and_shown(phones):
    chats = [{"with": OURS, "messages": [{"from": OURS, "text": "old", "timestamp": 1}]}]

    kept = phones.post(f"{PHONES}/{THEIRS}/history", {"chats": chats})

    assert len(kept.json()["chats"][0]["wa_ids"]) == 1
    assert phones.get(f"{PHONES}/{THEIRS}/history").json() == kept.json()
    assert phones.post(f"{PHONES}/{THEIRS}/history/sync").json() == {"sent": {}}


def test_what_is_wrong_is_a_problem_that_names_the_field(phones):
    answer = say(phones, type="image", media={"base64": "!"})

    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["field"]) == ("invalid", "media.base64")
    missing = phones.get(f"{PHONES}/{OURS}/inbox/99999/media")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_message")
