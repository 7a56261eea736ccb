"""Groups and people of the sandbox over REST, with a real network behind it."""

from __future__ import annotations

import pytest

from tests.integration.test_sandbox_api import OURS, PHONES, THEIRS, phones, sandbox

__all__ = ["phones", "sandbox"]

pytestmark = pytest.mark.django_db

GROUPS = "/api/v1/sandbox/groups"


@pytest.fixture
def group(phones):
    made = phones.post(GROUPS, {"owner": OURS, "subject": "Friends", "participants": [THEIRS]})
    assert made.status_code == 201
    return made.json()


def test_a_group_is_made_shown_and_written_in(phones, group):
    jid = group["jid"]
    assert phones.get(f"{GROUPS}/{jid}").json()["subject"] == "Friends"
    assert jid in [one["jid"] for one in phones.get(GROUPS).json()["results"]]
    assert jid in [one["jid"] for one in phones.get(f"{PHONES}/{THEIRS}/groups").json()["results"]]
    sent = phones.post(f"{PHONES}/{THEIRS}/messages", {"group": jid, "text": "to all"})
    assert sent.status_code == 202
    (entry,) = phones.get(f"{PHONES}/{OURS}/inbox?order=newest&limit=1").json()["results"]
    assert (entry["text"], entry["group"]) == ("to all", jid)


def test_a_phone_makes_a_group_of_its_own(phones):
    made = phones.post(f"{PHONES}/{OURS}/groups", {"subject": "Mine", "participants": [THEIRS]})
    assert (made.status_code, made.json()["owner"]) == (201, OURS)
    theirs = phones.get(f"{PHONES}/{THEIRS}/groups").json()["results"]
    assert made.json()["jid"] in [group["jid"] for group in theirs]


def test_phones_act_in_a_group(phones, group):
    path = f"{GROUPS}/{group['jid']}"
    changed = phones.post(f"{path}/settings", {"by": OURS, "subject": "Renamed"})
    assert changed.json()["subject"] == "Renamed"
    body = {"by": OURS, "action": "remove", "participants": [THEIRS]}
    removed = phones.post(f"{path}/participants", body)
    assert removed.json() == {"results": [{"phone_number": THEIRS, "code": 200}]}
    link = phones.post(f"{path}/invite", {"by": OURS}).json()["link"]
    joined = phones.post(f"{GROUPS}/join", {"by": THEIRS, "code": link})
    assert joined.json() == {"jid": group["jid"], "waits_for_approval": False}
    assert phones.post(f"{path}/leave", {"by": THEIRS}).status_code == 200


def test_what_a_group_forbids_is_a_problem(phones, group):
    refused = phones.post(f"{GROUPS}/{group['jid']}/invite", {"by": THEIRS})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_group_admin")
    missing = phones.get(f"{GROUPS}/none@g.us")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_group")
    wrong = phones.post(GROUPS, {"owner": OURS})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "subject")


def test_phones_call_and_keep_an_address_book(phones):
    made = phones.post(f"{PHONES}/{OURS}/calls", {"to": THEIRS}).json()
    assert phones.delete(f"{PHONES}/{OURS}/calls/{made['id']}").json()["state"] == "hung_up"
    assert phones.get(f"{PHONES}/{THEIRS}/calls").json()["results"][-1]["id"] == made["id"]
    book = {"contacts": [{"phone_number": THEIRS, "full_name": "Their Name"}]}
    kept = phones.put(f"{PHONES}/{OURS}/contacts", book).json()["results"]
    assert [one["full_name"] for one in kept] == ["Their Name"]
    assert phones.put(f"{PHONES}/{OURS}/name", {"name": "New"}).json()["name"] == "New"
    chats = phones.post(f"{PHONES}/{OURS}/chats", {"chat": THEIRS, "archived": True}).json()
    assert chats["results"][0]["archived"]
    assert phones.get(f"{PHONES}/{OURS}/blocked").json() == {"results": []}
    assert phones.post(f"{PHONES}/{THEIRS}/reinstall").json()["unlinked"] == []


def test_phones_type_and_see_who_types(phones):
    typing = {"state": "composing", "to": OURS}
    assert phones.post(f"{PHONES}/{THEIRS}/presence", typing).json() == {"state": "composing"}
    seen = phones.get(f"{PHONES}/{OURS}/presence").json()["results"][-1]
    assert (seen["from"], seen["state"]) == (THEIRS, "composing")


@pytest.mark.parametrize("path", [GROUPS, f"{PHONES}/{OURS}/calls"])
def test_without_the_sandbox_there_is_nothing(api, settings, path):
    settings.SANDBOX = False
    assert api.get(path).status_code == 404
