"""Every kind of message, real engine to virtual phone and back, through a real worker."""

import hashlib
import os
import time

import pytest

from tests.system.engine_line import JPEG, WAVEFORM, Line, b64
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


# In -----------------------------------------------------------------------------------------------


def test_a_reply_with_mentions_comes_in(line):
    answer, _ = line.sends({"type": "text", "text": "the question"})
    wa_id = line.says("text", text="yes", reply_to=answer["wa_id"], mentions=[line.phone])
    fact = line.heard(wa_id)
    assert (fact["type"], fact["text"]) == ("text", "yes")
    assert fact["content"]["quoted"]["wa_id"] == answer["wa_id"]
    assert fact["content"]["quoted"]["text"] == "the question"
    assert len(fact["content"]["mentions"]) == 1
    assert fact["sender"]["phone_number"] == line.friend
    assert fact["sender"]["lid"] == line.friend_lid


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("image", {"width": 4, "height": 3, "mime_type": "image/png"}),
        ("video", {"duration": 7, "width": 4, "height": 3, "mime_type": "video/mp4"}),
        ("video", {"duration": 7, "gif": True, "mime_type": "video/mp4"}),
        ("audio", {"duration": 7, "mime_type": "audio/mpeg"}),
        ("voice", {"duration": 7, "waveform": WAVEFORM}),
        ("document", {"filename": "a; b.pdf", "mime_type": "application/pdf"}),
        ("sticker", {"animated": True, "mime_type": "image/webp"}),
    ],
)
def test_a_file_comes_in_byte_for_byte(line, kind, about):
    data = os.urandom(500_001)
    caption = {"caption": "look"} if kind in ("image", "video", "document") else {}
    wa_id = line.says(kind, media={"base64": b64(data), **about}, **caption)
    fact = line.heard(wa_id)
    media = fact["media"]
    assert (fact["type"], fact["text"]) == (kind, caption.get("caption", ""))
    assert media["sha256"] == hashlib.sha256(data).hexdigest()
    for name in about.keys() - {"gif"}:
        assert media[name] == about[name]
    assert fact["content"].get("gif", False) == about.get("gif", False)
    assert line.downloads(media["locator"], len(data)) == data


def test_places_cards_polls_and_invitations_come_in(line):
    place = {"latitude": -33.8568, "longitude": 151.2153, "name": "Opera", "address": "Sydney"}
    fact = line.heard(line.says("location", location=place))
    assert fact["content"]["location"] == place | {"live": False}
    fact = line.heard(line.says("live_location", location=place, text="coming"))
    assert (fact["type"], fact["text"]) == ("live_location", "coming")
    cards = [{"name": "Ann", "vcard": "BEGIN:VCARD"}, {"name": "Bob", "vcard": "BEGIN:VCARD"}]
    assert line.heard(line.says("contact", contacts=cards))["content"]["contacts"] == cards
    poll = {"name": "Tea?", "options": ["Yes", "No"], "selectable": 1}
    assert line.heard(line.says("poll", poll=poll))["content"]["poll"] == poll
    invite = {"jid": "120363@g.us", "code": "AbC", "name": "Us", "expires_at": 1_900_000_000}
    fact = line.heard(line.says("group_invite", group_invite=invite, text="come"))
    assert (fact["content"]["group_invite"], fact["text"]) == (invite, "come")


def test_a_vote_is_told_at_once_and_then_readable(line):
    poll = {"name": "Lunch?", "options": ["Soup", "Salad"], "selectable": 1}
    answer, entry = line.sends({"type": "poll", "poll": poll})
    assert (entry["type"], entry["poll"]["options"]) == ("poll", ["Soup", "Salad"])
    wa_id = line.says("vote", vote={"message_id": answer["wa_id"], "options": ["Salad"]})
    votes = until(
        lambda: (
            len(found := [f["data"] for f in line.lab.listener.of(line.account, "poll_voted")]) > 1
            and found
        ),
        "both facts of the vote",
    )
    assert [vote["readable"] for vote in votes] == [False, True]
    assert {vote["wa_id"] for vote in votes} == {wa_id}
    assert votes[1]["target_wa_id"] == answer["wa_id"]
    assert votes[1]["option_hashes"] == [hashlib.sha256(b"Salad").hexdigest()]


def test_reactions_edits_and_revocations_come_in(line):
    target = line.says("text", text="teh")
    line.heard(target)
    mine, _ = line.sends({"type": "text", "text": "like this"})
    for emoji in ("👍🏽", ""):
        wa_id = line.says("reaction", reaction={"message_id": mine["wa_id"], "emoji": emoji})
        fact = line.heard(wa_id, "reaction_received")
        assert (fact["target_wa_id"], fact["emoji"]) == (mine["wa_id"], emoji)
    wa_id = line.says("edit", edit={"message_id": target, "text": "the"})
    fact = line.heard(wa_id, "message_edited")
    assert (fact["target_wa_id"], fact["text"]) == (target, "the")
    fact = line.heard(line.says("revoke", revoke={"message_id": target}), "message_revoked")
    assert fact["target_wa_id"] == target


def test_of_view_once_messages_the_notice_comes_in(line):
    image = {"base64": b64(b"once")}
    for unavailable in (False, True):
        wa_id = line.says("image", media=image, view_once=True, unavailable=unavailable)
        fact = line.heard(wa_id)
        assert (fact["type"], fact["media"]) == ("view_once", None)


def test_timers_and_unknown_messages_come_in(line):
    fact = line.heard(line.says("text", text="soon gone", expires_in=86_400))
    assert (fact["text"], fact["content"]["expires_in"]) == ("soon gone", 86_400)
    line.says("timer", timer={"seconds": 604_800})
    changed = line.lab.listener.wait(line.account, "group_changed")["data"]
    assert changed["settings"] == {"expires_in": 604_800}
    wa_id = line.says("raw", raw={"field": 75, "base64": b64(bytes([0x1A, 4]) + b"Ball")})
    fact = line.heard(wa_id)
    assert (fact["type"], fact["raw_type"], fact["text"]) == ("unsupported", "eventMessage", "Ball")
    fact = line.heard(line.says("raw", raw={"field": 190, "base64": b64(bytes([0x0A, 0]))}))
    assert (fact["type"], fact["raw_type"]) == ("unsupported", "field_190")


def test_the_own_phones_messages_come_in_as_ours(line):
    wa_id = line.lab.phones.send_one(line.phone, line.friend, "text", text="from the phone")
    fact = line.heard(wa_id)
    assert fact["from_me"] and fact["chat"]["phone_number"] == line.friend


def test_a_history_comes_in_without_holding_up_the_present(lab):
    account, phone, friend = lab.account(), lab.phone(), lab.phone()
    now = int(time.time())
    messages = [
        {
            "from": phone if n % 2 == 0 else friend,
            "type": "text",
            "text": f"old {n}",
            "timestamp": now - 1000 + n,
        }
        for n in range(300)
    ]
    lab.phones.set_history(phone, [{"with": friend, "name": "Old friend", "messages": messages}])
    lab.spawn(account)
    lab.scan(account, phone)
    lab.listener.wait(account, "connected")

    def old():
        facts = lab.listener.of(account, "message_received")
        return [f["data"] for f in facts if f["data"]["history"]]

    until(lambda: len(old()) >= 300, lambda: f"{len(old())} old messages")
    assert [fact["text"] for fact in old()] == [f"old {n}" for n in range(300)]
    assert {fact["chat"]["phone_number"] for fact in old()} == {friend}
    chats = [c for f in lab.listener.of(account, "chats_synced") for c in f["data"]["chats"]]
    assert [chat["name"] for chat in chats] == ["Old friend"]
    until(lambda: not list((lab.dir(account) / "history").iterdir()), "the end of the history")


# Out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "about", "shown"),
    [
        ("image", {"width": 4, "height": 3, "thumbnail": b64(JPEG)}, {"width": 4, "height": 3}),
        ("video", {"duration": 7.4, "animated": True}, {"gif": True, "duration": 7}),
        ("audio", {"duration": 3}, {"duration": 3}),
        ("voice", {"duration": 3, "waveform": WAVEFORM}, {"waveform": WAVEFORM}),
        ("document", {"filename": "ünï.txt"}, {"filename": "ünï.txt"}),
        ("sticker", {"animated": True}, {"animated": True}),
    ],
)
def test_a_file_goes_out_byte_for_byte(line, kind, about, shown):
    data = os.urandom(700_001)
    media = {"upload_id": line.uploads(data), "mime_type": "x/y; z=1", **about}
    caption = "c" if kind in ("image", "video", "document") else ""
    answer, entry = line.sends({"type": kind, "media": media, "text": caption})
    assert answer["chat"]["phone_number"] == line.friend
    assert answer["chat"]["lid"] == line.friend_lid
    assert (entry["type"], entry["text"]) == (kind, caption)
    assert entry["media"]["mime_type"] == "x/y; z=1"
    assert {name: entry["media"][name] for name in shown} == shown
    assert line.lab.phones.inbox_media(line.friend, entry["id"]) == data
    assert list((line.lab.dir(line.account) / "tmp").iterdir()) == []


def test_words_places_and_cards_go_out(line):
    quoted = {"wa_id": "3A00", "sender_jid": line.friend_lid, "from_me": False, "text": "old"}
    content = {"type": "text", "text": "new @you", "quoted": quoted}
    _, entry = line.sends(content | {"mentions": [line.friend_lid], "expires_in": 86_400})
    assert entry["quoted"] == {"wa_id": "3A00", "sender_jid": line.friend_lid, "text": "old"}
    assert (entry["mentions"], entry["expires_in"]) == ([line.friend_lid], 86_400)
    place = {"latitude": 1.25, "longitude": -2.5, "name": "Here", "address": "There"}
    _, entry = line.sends({"type": "location", "location": place})
    assert (entry["location"]["latitude"], entry["location"]["name"]) == (1.25, "Here")
    cards = [{"name": "Ann", "vcard": "BEGIN:VCARD"}, {"name": "Bob", "vcard": "V"}]
    for count in (1, 2):
        _, entry = line.sends({"type": "contact", "contacts": cards[:count]})
        assert [card["name"] for card in entry["contacts"]] == ["Ann", "Bob"][:count]
    poll = {"name": "?", "options": ["a", "b", "c"], "selectable": 0}
    assert line.sends({"type": "poll", "poll": poll})[1]["poll"]["options"] == ["a", "b", "c"]


def test_reactions_edits_and_revocations_go_out(line):
    own, _ = line.sends({"type": "text", "text": "teh"})
    theirs = line.says("text", text="hello")
    line.heard(theirs)
    target = {"wa_id": theirs, "sender_jid": line.friend_lid, "from_me": False}
    for emoji in ("❤️", ""):
        _, entry = line.sends({"type": "reaction", "target": target, "emoji": emoji})
        assert entry["reaction"] == {"message_id": theirs, "emoji": emoji}
    mine = {"wa_id": own["wa_id"], "from_me": True}
    _, entry = line.sends({"type": "edit", "target": mine, "text": "the"})
    assert entry["edit"] == {"message_id": own["wa_id"], "text": "the"}
    _, entry = line.sends({"type": "revoke", "target": mine})
    assert entry["revoke"] == {"message_id": own["wa_id"]}


def test_a_send_is_told_as_a_fact_too_and_asked_again_it_is_not_sent_again(line):
    order = line.order({"type": "text", "text": "once"})
    answer = line.ask("send", **order)
    assert line.ask("send", **order) == answer
    settled = until(
        lambda: [
            f["data"]
            for f in line.lab.listener.of(line.account, "send_settled")
            if f["data"]["request_id"] == order["request_id"]
        ],
        "the fact",
    )
    assert [fact["wa_id"] for fact in settled] == [answer["wa_id"]]
    line.arrived(answer["wa_id"])
    texts = [entry["text"] for entry in line.lab.phones.inbox(line.friend)]
    assert texts.count("once") == 1


def test_errors_of_sends_have_names(line):
    text = {"type": "text", "text": "x"}
    assert line.error("send", **line.order(text, to="+15990001"))["code"] == "not_on_whatsapp"
    assert line.error("send", **line.order(text, to="x@y"))["code"] == "invalid_recipient"
    missing = line.order(text, to="120363999999999999@g.us")
    assert line.error("send", **missing)["code"] == "not_a_member"
    unknown = line.order({"type": "fax"})
    assert line.error("send", **unknown)["code"] == "invalid_request"


def test_a_time_lock_is_an_error_and_a_fact(line):
    number = line.lab.phones.phone(line.phone)["phone_number"]
    line.lab.phones.fault("reject_send_463", phone_number=number)
    try:
        error = line.error("send", **line.order({"type": "text", "text": "x"}))
    finally:
        line.lab.phones.clear_faults()
    assert (error["code"], error["whatsapp_error"]) == ("reachout_timelock", 463)
    fact = line.lab.listener.wait(line.account, "restricted")["data"]
    assert fact["code"] == "reachout_timelock"


def test_a_send_that_a_kill_cut_short_is_unknown_and_has_its_id(lab):
    line = Line(lab)
    line.sends({"type": "text", "text": "the session exists"})
    before = line.last_message_stanza()
    lab.phones.fault("mute", phone_number=line.phone)
    order = line.order({"type": "text", "text": "cut short"})
    try:
        error = line.error("send", timeout=0.5, **order)
        assert (error["code"], error["running"]) == ("timeout", True)
        until(lambda: line.last_message_stanza() > before, "the message on the wire")
        process = lab.process(line.account)
        process.kill()
        lab.end(line.account)
    finally:
        lab.phones.clear_faults()
    lab.spawn(line.account, epoch=2)
    lab.listener.wait(line.account, "connected", epoch=2)
    error = line.error("send", first_epoch=1, **order)
    assert error["code"] == "unknown_outcome"
    assert error["wa_id"].startswith("3EB0")
    settled = [f["data"] for f in lab.listener.of(line.account, "send_settled", epoch=2)]
    assert settled[0]["error"]["wa_id"] == error["wa_id"]


def test_while_the_line_is_down_an_order_waits_and_goes_out_after(lab):
    line = Line(lab)
    lab.phones.fault("refuse_connections", phone_number=line.phone)
    lab.phones.fault("drop", phone_number=line.phone)
    try:
        lost = lab.listener.wait(line.account, "connection_lost")["heard"]
        order = line.order({"type": "text", "text": "patience"})
        # For one device the sandbox refuses after the handshake: a question may get that far.
        assert line.error("send", **order)["code"] in ("not_connected", "timeout")
    finally:
        lab.phones.clear_faults()
    until(lambda: lab.listener.of(line.account, "connected")[-1]["heard"] > lost, "the line")
    line.arrived(line.ask("send", **order)["wa_id"])
    assert [entry["text"] for entry in lab.phones.inbox(line.friend)] == ["patience"]


def test_a_line_that_breaks_under_a_send_does_not_double_it(lab):
    line = Line(lab)
    line.sends({"type": "text", "text": "the session exists"})
    before = line.last_message_stanza()
    lab.phones.fault("mute", phone_number=line.phone)
    order = line.order({"type": "text", "text": "once"})
    try:
        assert line.error("send", timeout=0.3, **order)["code"] == "timeout"
        until(lambda: line.last_message_stanza() > before, "the message on the wire")
    finally:
        lab.phones.clear_faults()  # before the line breaks: the next login needs its answer
    lab.phones.fault("drop", phone_number=line.phone)
    answer = line.ask("send", **order)
    line.arrived(answer["wa_id"])
    texts = [entry["text"] for entry in lab.phones.inbox(line.friend)]
    assert texts.count("once") == 1
