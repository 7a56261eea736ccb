"""What an engine is told to do besides sending, real engine and virtual phones, and its crashes."""

import base64

import pytest

from sessions_mgr.worker.exits import Exit
from tests.system.engine_line import JPEG, Line, b64
from tests.system.worker_lab import Lab, until

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def line(lab):
    return Line(lab)


# People -------------------------------------------------------------------------------------------


def test_pictures_are_fetched_unchanged_missing_and_in_time(line):
    lab = line.lab
    lab.phones.set_picture(line.friend, b64(JPEG))
    found = line.ask("picture", jid=line.friend)
    assert base64.b64decode(found["data"]) == JPEG
    assert (found["mime_type"], bool(found["picture_id"])) == ("image/jpeg", True)
    again = line.ask("picture", jid=line.friend, known_id=found["picture_id"])
    assert again == {"state": "unchanged"}
    lab.phones.set_picture(line.friend, None)
    assert line.ask("picture", jid=line.friend) == {"picture_id": "", "state": "none"}
    lab.phones.fault("avatar_timeout")
    try:
        assert line.error("picture", jid=line.friend)["code"] == "timeout"
    finally:
        lab.phones.clear_faults()
    assert line.ask("health")["logged_in"]


def test_numbers_are_checked(line):
    results = line.ask("check_numbers", numbers=[line.friend, "+15990001"])["results"]
    assert [(r["number"], r["registered"]) for r in results] == [
        (line.friend, True),
        ("+15990001", False),
    ]
    assert results[0]["jid"] == f"{line.friend[1:]}@s.whatsapp.net"
    assert results[0]["lid"] == line.friend_lid


def test_typing_and_read_marks_arrive(line):
    wa_id = line.says("text", text="read me")
    fact = line.heard(wa_id)
    line.ask("typing", to=line.friend, state="typing")
    until(
        lambda: any(p["state"] == "composing" for p in line.lab.phones.presence(line.friend)),
        "typing",
    )
    line.ask("mark_read", chat=fact["chat"]["jid"], sender=fact["sender"]["jid"], wa_ids=[wa_id])
    until(
        lambda: any(
            r["wa_id"] == wa_id and r["type"] == "read"
            for r in line.lab.phones.receipts(line.friend)
        ),
        "the read mark",
    )


def test_names_of_the_address_book_are_listed(line):
    line.lab.phones.set_contacts(
        line.phone, [{"phone_number": line.friend, "full_name": "My Friend", "first_name": "My"}]
    )
    until(
        lambda: (
            ("My Friend", "My")
            in [(c["full"], c["first"]) for c in line.ask("contact_names")["contacts"]]
        ),
        "the name",
    )


def test_presence_is_announced(line):
    line.ask("presence", state="available")
    device = line.lab.phones.phone(line.phone)["devices"][0]["device"]

    def available():
        devices = line.lab.phones.phone(line.phone)["devices"]
        return any(d["device"] == device and d["available"] for d in devices)

    until(available, "that we are there")
    line.ask("presence", state="unavailable")
    until(lambda: not available(), "that we are away")


def test_a_call_and_a_changed_picture_are_told(line):
    made = line.lab.phones.call(line.friend, line.phone, video=True)
    call = line.lab.listener.wait(line.account, "call_offered")["data"]
    assert (call["call_id"], call["video"], call["group"]) == (made["id"], True, False)
    assert call["sender"]["lid"] == line.friend_lid
    assert call["sender"]["phone_number"] == line.friend


# Groups -------------------------------------------------------------------------------------------


def test_a_group_is_made_changed_spoken_in_and_left(line):
    made = line.ask("group_create", name="Club", participants=[line.friend])
    jid = made["jid"]
    assert made["subject"] == "Club" and jid.endswith("@g.us")
    members = {m["party"]["phone_number"]: m for m in made["participants"]}
    assert set(members) == {line.phone, line.friend}
    assert members[line.phone]["admin"] and not members[line.friend]["admin"]

    answer, entry = line.sends({"type": "text", "text": "hi all"}, to=jid)
    assert (answer["chat"]["type"], entry["text"]) == ("group", "hi all")
    fact = line.heard(line.says("text", to=jid, text="hello"))
    assert (fact["chat"]["jid"], fact["sender"]["phone_number"]) == (jid, line.friend)
    target = {"wa_id": fact["wa_id"], "sender_jid": fact["sender"]["jid"], "from_me": False}
    _, entry = line.sends({"type": "reaction", "target": target, "emoji": "👍"}, to=jid)
    assert entry["reaction"] == {"message_id": fact["wa_id"], "emoji": "👍"}

    third = line.lab.phone()
    added = line.ask("group_participants", jid=jid, action="add", participants=[third])
    assert [result["code"] for result in added["results"]] == [200]
    line.ask("group_participants", jid=jid, action="promote", participants=[third])
    changed = line.ask(
        "group_update", jid=jid, subject="Club 2", description="ours", announce=True, locked=True
    )
    assert (changed["subject"], changed["description"]) == ("Club 2", "ours")
    assert (changed["announce"], changed["locked"]) == (True, True)
    admins = {m["party"]["phone_number"] for m in changed["participants"] if m["admin"]}
    assert admins == {line.phone, third}

    link = line.ask("group_invite", jid=jid)["link"]
    assert link.startswith("https://chat.whatsapp.com/")
    assert line.ask("group_invite", jid=jid, reset=True)["link"] != link
    assert jid in [group["jid"] for group in line.ask("group_list")["groups"]]
    assert line.ask("group_requests", jid=jid)["results"] == []
    refused = line.error("group_decide", jid=jid, action="approve", participants=[third])
    assert refused["code"] == "unsupported_by_engine"
    line.ask("group_leave", jid=jid)
    assert line.error("group_info", jid=jid)["code"] in ("not_a_member", "not_found")


def test_what_a_phone_does_to_a_group_is_told(lab):
    line = Line(lab)
    made = lab.phones.create_group(line.friend, "Theirs", [line.phone])
    jid = made["jid"]
    joined = lab.listener.wait(line.account, "group_joined")["data"]
    assert (joined["chat"]["jid"], joined["subject"]) == (jid, "Theirs")
    assert {p["phone_number"] for p in joined["participants"]} == {line.phone, line.friend}

    third = lab.phone()
    third_lid = lab.phones.phone(third)["lid"]
    lab.phones.change_participants(jid, line.friend, "add", [third])
    lab.phones.change_participants(jid, line.friend, "promote", [third])
    lab.phones.change_participants(jid, line.friend, "remove", [third])
    lab.phones.change_group(jid, line.friend, subject="Renamed", announce=True)
    lab.phones.set_group_picture(jid, line.friend, b64(JPEG))

    def changes():
        return [f["data"] for f in lab.listener.of(line.account, "group_changed")]

    def told(name):
        return [p["lid"] for change in changes() for p in change[name]]

    until(lambda: told("joined") and told("promoted") and told("left"), "the changes")
    assert (told("joined"), told("promoted"), told("left")) == ([third_lid],) * 3
    until(lambda: {"announce"} <= {k for c in changes() for k in c["settings"]}, "the settings")
    settings = {name: value for c in changes() for name, value in c["settings"].items()}
    assert (settings["subject"], settings["announce"]) == ("Renamed", True)
    picture = lab.listener.wait(line.account, "picture_changed")["data"]
    assert (picture["chat"]["jid"], picture["removed"]) == (jid, False)


def test_errors_of_groups_have_names(line):
    assert line.error("group_info", jid="120363999999999999@g.us")["code"] == "not_found"
    assert line.error("group_info", jid="15551@s.whatsapp.net")["code"] == "invalid_recipient"
    assert line.error("group_join", code="nonsense")["code"] == "not_found"


# Crashes ------------------------------------------------------------------------------------------


def test_the_next_life_tells_what_the_engine_died_of(lab):
    line = Line(lab)
    try:
        lab.nats.request(line.account, "panic", 2.0, during="picture", jid="15551@s.whatsapp.net")
    except Exception as gone:  # noqa: BLE001 - the worker dies before it answers
        assert "TimeoutError" in repr(gone) or "responders" in repr(gone)
    assert lab.end(line.account).status not in (0, Exit.STOPPED)
    lab.spawn(line.account, epoch=2)
    crashed = lab.listener.wait(line.account, "engine_crashed", epoch=2)["data"]
    assert (crashed["op"], crashed["subject"]) == ("picture", "15551@s.whatsapp.net")
    lab.listener.wait(line.account, "connected", epoch=2)
    lab.stop(line.account)
    lab.spawn(line.account, epoch=3)
    lab.listener.wait(line.account, "connected", epoch=3)
    assert lab.listener.of(line.account, "engine_crashed", epoch=3) == []


def test_before_the_login_every_order_is_refused(lab):
    account = lab.account()
    lab.spawn(account)
    lab.listener.wait(account, "qr_issued")
    orders = [
        ("send", {"request_id": "r", "to": "+15551", "content": {"type": "text", "text": "x"}}),
        ("picture", {"jid": "15551@s.whatsapp.net"}),
        ("check_numbers", {"numbers": ["+15551"]}),
        ("contact_names", {}),
        ("group_list", {}),
        ("download_begin", {"media_id": "m", "locator": "", "max_bytes": 1}),
    ]
    for op, args in orders:
        reply = lab.nats.request(account, op, **args)
        assert reply["error"]["code"] == "not_connected", op
    assert lab.nats.request(account, "health")["ok"]
