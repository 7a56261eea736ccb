"""People and calls in the sandbox network, with the unmodified neonize client."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from sandbox.client import SandboxNetwork
from tests.system.neonize_client import NeonizeClient
from tests.system.network_lab import (
    OURS,
    THEIRS,
    Start,
    api,
    device_of,
    eventually,
    group,
    jid_of,
    lid_user,
    linked,
    ours,
    said,
    sandbox,
    start,
    third,
)

__all__ = ["api", "group", "ours", "sandbox", "start", "third"]

pytestmark = pytest.mark.system

NOBODY = "+15559999999"


def test_numbers_are_checked(api: SandboxNetwork, ours: NeonizeClient) -> None:
    (found,) = ours.call("on_whatsapp", phone=THEIRS)
    assert found["IsIn"]
    assert found["JID"]["User"] == lid_user(api, THEIRS)
    (missing,) = ours.call("on_whatsapp", phone=NOBODY)
    assert not missing["IsIn"]


def test_a_client_knows_its_push_name_and_may_say_that_it_is_there(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    eventually(lambda: ours.call("me").get("PushName") == "Ours")
    ours.call("available")
    eventually(lambda: device_of(api, OURS)["available"])
    api.set_name(OURS, "Renamed")
    eventually(lambda: ours.call("me").get("PushName") == "Renamed")
    ours.call("set_name", name="By the client")
    eventually(lambda: api.phone(OURS)["name"] == "By the client")


def test_a_client_gets_the_names_of_the_address_book(
    api: SandboxNetwork, ours: NeonizeClient
) -> None:
    eventually(lambda: ours.call("me").get("PushName") == "Ours")
    api.set_contacts(
        OURS, [{"phone_number": THEIRS, "full_name": "Their Name", "first_name": "Their"}]
    )
    eventually(lambda: ours.call("contact", of=THEIRS).get("FullName") == "Their Name")
    api.set_contacts(OURS, [{"phone_number": THEIRS, "full_name": "Another"}])
    eventually(lambda: ours.call("contact", of=THEIRS).get("FullName") == "Another")
    assert api.set_contacts(OURS, []) == []


def test_a_new_client_gets_the_address_book_at_once(api: SandboxNetwork, start: Start) -> None:
    api.set_contacts(OURS, [{"phone_number": THEIRS, "full_name": "Their Name"}])
    client = linked(api, start(), OURS)
    eventually(lambda: client.call("contact", of=THEIRS).get("FullName") == "Their Name")


def test_a_client_that_has_lost_its_keys_gets_them_again(
    api: SandboxNetwork, ours: NeonizeClient, tmp_path: Path, start: Start
) -> None:
    eventually(lambda: ours.call("me").get("PushName") == "Ours")
    eventually(lambda: device_of(api, OURS)["unacked"] == 0)
    ours.kill()
    with contextlib.closing(sqlite3.connect(tmp_path / "ours.db")) as connection, connection:
        connection.execute("DELETE FROM whatsmeow_app_state_sync_keys")
    api.set_name(OURS, "Unreadable at first")
    again = start()
    again.wait("PeerMessage")
    eventually(lambda: again.call("me").get("PushName") == "Unreadable at first")


def test_a_call_rings_and_is_rejected(api: SandboxNetwork, ours: NeonizeClient) -> None:
    made = api.call(THEIRS, OURS, video=True)
    offer = ours.wait("CallOffer")["data"]
    meta = offer["basicCallMeta"]
    assert meta["callID"] == made["id"]
    assert meta["callCreator"]["User"] == lid_user(api, THEIRS)
    ours.call("reject_call", caller=jid_of(meta["callCreator"]), call_id=made["id"])
    eventually(lambda: api.calls(OURS)[0]["state"] == "rejected")


def test_a_call_ends_when_nobody_answers(api: SandboxNetwork, ours: NeonizeClient) -> None:
    api.call(THEIRS, OURS, ring_seconds=0.2)
    ours.wait("CallOffer")
    ended = ours.wait("CallTerminate")["data"]
    assert ended["reason"] == "timeout"
    made = api.call(THEIRS, OURS)
    api.hang_up(THEIRS, made["id"])
    ours.wait("CallTerminate")
    assert [one["state"] for one in api.calls(THEIRS)] == ["timeout", "hung_up"]


def test_people_are_blocked_and_unblocked(api: SandboxNetwork, ours: NeonizeClient) -> None:
    ours.call("send", to=THEIRS, text="makes the hidden id known")
    assert len(ours.call("block", person=THEIRS, action="block")["JIDs"]) == 1
    assert api.blocked(OURS) == [THEIRS]
    assert ours.call("blocked")["JIDs"][0]["User"] == lid_user(api, THEIRS)
    api.send_text(THEIRS, OURS, "reaches nobody")
    ours.call("block", person=THEIRS, action="unblock")
    assert api.blocked(OURS) == []
    api.send_text(THEIRS, OURS, "reaches us")
    assert said(ours) == "reaches us"
    assert [one["text"] for one in api.inbox(OURS) if not one["from_me"]] == ["reaches us"]


def test_a_phone_that_starts_anew_is_a_new_identity_to_others(
    api: SandboxNetwork, ours: NeonizeClient, start: Start
) -> None:
    theirs = linked(api, start("theirs"), THEIRS)
    ours.call("send", to=THEIRS, text="before")
    said(theirs)
    eventually(lambda: api.inbox(THEIRS))
    renewed = api.reinstall(THEIRS)
    assert len(renewed["unlinked"]) == 1
    theirs.wait("LoggedOut")
    assert ours.wait("IdentityChange")["data"]["JID"]["User"] in THEIRS
    ours.call("send", to=THEIRS, text="to the new phone")
    eventually(lambda: api.inbox(THEIRS)[-1]["text"] == "to the new phone")
    api.send_text(THEIRS, OURS, "from the new phone")
    assert said(ours) == "from the new phone"
