"""Messages of every type become one row and one event, in any order and however often they come."""

from __future__ import annotations

import base64
import itertools
import json

import pytest

from events.models import Event
from messaging.ingest import store_batch, store_entry
from messaging.models import Chat, Contact, HeldFact, Media, Message, UnreadFact
from sessions_mgr.engines import base
from tests.life import connected_account
from tests.said import (
    ANN,
    BOB,
    GROUP,
    NOON,
    US,
    entry,
    file,
    hear,
    message,
    ours,
    told,
    undecryptable,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return connected_account()


CONTENTS = {
    "text": {},
    "image": {"media": file()},
    "video": {"media": file(mime_type="video/mp4")},
    "audio": {"media": file(mime_type="audio/mpeg")},
    "voice": {"media": file(mime_type="audio/ogg; codecs=opus")},
    "document": {"media": file(mime_type="application/pdf", filename="a.pdf")},
    "sticker": {"media": file(mime_type="image/webp")},
    "location": {"content": {"location": {"latitude": 1.5, "longitude": 2.5}}},
    "live_location": {"content": {"location": {"latitude": 1.5, "longitude": 2.5, "live": True}}},
    "contact": {"content": {"contacts": [{"name": "Bob", "vcard": "BEGIN:VCARD"}]}},
    "poll": {"content": {"poll": {"name": "Lunch?", "options": ["a", "b"], "selectable": 1}}},
    "view_once": {"content": {"view_once": True}},
    "group_invite": {"content": {"group_invite": {"jid": GROUP.jid, "code": "x"}}},
    "unsupported": {"raw_type": "futureMessage"},
}


def test_every_type_of_the_vocabulary_is_in_this_test():
    assert set(CONTENTS) == base.MESSAGE_TYPES


@pytest.mark.parametrize("kind", sorted(CONTENTS))
@pytest.mark.parametrize("from_me", [False, True])
def test_every_type_is_stored_and_told_in_and_out(account, kind, from_me):
    said = ours if from_me else message
    hear(account, said(type=kind, **CONTENTS[kind]))

    [data] = told(account, "message")
    assert (data["type"], data["direction"]) == (kind, "out" if from_me else "in")
    assert (data["media"] is not None) == ("media" in CONTENTS[kind])
    for name, value in CONTENTS[kind].get("content", {}).items():
        if name != "poll":
            assert data[name] == value
    assert Message.objects.get().status == ("sent" if from_me else "received")
    assert not UnreadFact.objects.exists()


def test_an_unknown_type_arrives_with_whatsapps_own_name(account):
    hear(account, message(type="unsupported", raw_type="futureMessage"))

    assert told(account, "message")[0]["raw_type"] == "futureMessage"


def test_a_message_makes_its_chat_and_its_sender_known_by_both_names(account):
    hear(account, message())

    chat, contact = Chat.objects.get(), Contact.objects.get()
    assert (chat.jid, chat.lid, chat.unread) == (ANN.jid, ANN.lid, 1)
    assert (contact.jid, contact.lid, contact.phone_number, contact.push_name) == (
        ANN.jid,
        ANN.lid,
        "+15550009",
        "Ann",
    )
    assert chat.last_message == Message.objects.get()


def test_seed_001_message_first_a_person_nobody_can_look_up_is_named_by_push_name(account):
    stranger = base.Party(jid="900055511@lid", lid="900055511@lid", push_name="Somebody")

    hear(account, message(chat=stranger, sender=stranger))

    assert told(account, "message")[0]["sender"] == {
        "jid": "900055511@lid",
        "lid": "900055511@lid",
        "phone_number": "",
        "push_name": "Somebody",
    }


def test_a_reply_shows_what_it_answers_by_our_own_row(account):
    hear(account, ours("Q1", text="Lunch?"))
    quoted = {"wa_id": "Q1", "sender_jid": US.jid, "text": "forged"}
    hear(account, message("3A02", content={"quoted": quoted}))

    shown = told(account, "message")[1]["quoted"]
    assert shown["message_id"] == str(Message.objects.get(wa_id="Q1").pk)
    assert (shown["text"], shown["sender"]["phone_number"]) == ("Lunch?", "+15550001")


def test_a_reply_to_what_we_never_saw_shows_the_quote(account):
    quoted = {"wa_id": "Q0", "sender_jid": "15550007@s.whatsapp.net", "text": "long ago"}
    hear(account, message(content={"quoted": quoted}))

    shown = told(account, "message")[0]["quoted"]
    assert (shown["message_id"], shown["text"]) == (None, "long ago")


def test_mentions_name_people_by_both_names_where_we_know_them(account):
    hear(account, message("0", sender=BOB, chat=BOB))
    hear(account, message(content={"mentions": [BOB.lid, "15550007@s.whatsapp.net"]}))

    known, unknown = told(account, "message")[1]["mentions"]
    assert (known["jid"], known["lid"], known["push_name"]) == (BOB.jid, BOB.lid, "Bob")
    assert unknown["jid"] == "15550007@s.whatsapp.net"


def test_who_mentions_us_names_us_by_both_names(account):
    account.jid, account.lid, account.phone_number = US.jid, US.lid, US.phone_number
    account.save()
    for name in (US.jid, US.lid):
        hear(account, message(content={"mentions": [name]}))
        (us,) = told(account, "message")[-1]["mentions"]
        assert (us["jid"], us["lid"], us["phone_number"]) == (US.jid, US.lid, US.phone_number)


def test_five_thousand_mentions_are_just_a_long_list(account, django_assert_max_num_queries):
    jids = [f"1555{n:07d}@s.whatsapp.net" for n in range(5000)]
    with django_assert_max_num_queries(60):
        hear(account, message(content={"mentions": jids}))

    assert len(told(account, "message")[0]["mentions"]) == 5000


@pytest.mark.parametrize(
    "content",
    [
        {"quoted": "x"},
        {"quoted": {"wa_id": 5}},
        {"mentions": "x"},
        {"mentions": [1, None]},
        {"poll": []},
        {"poll": {"options": "x"}},
        {"expires_in": "never"},
    ],
)
def test_senseless_content_never_costs_the_message(account, content):
    hear(account, message(content=content))

    assert len(told(account, "message")) == 1


@pytest.mark.parametrize("timestamp", [-1e30, -5.0, 0.0, 1e30])
def test_a_senseless_time_never_costs_the_message(account, timestamp):
    hear(account, message(timestamp=timestamp))

    assert len(told(account, "message")) == 1


def test_what_no_database_holds_is_taken_out_of_the_text(account):
    subject, body = entry(account, message(text="a"))
    raw = json.loads(body)
    raw["data"]["text"] = "a\0b"
    raw["data"]["sender"]["push_name"] = "HALF"
    body = json.dumps(raw).replace("HALF", "\\ud83d").encode()

    store_entry(subject, body)

    assert told(account, "message")[0]["text"] == "ab"
    assert told(account, "message")[0]["sender"]["push_name"] == "?"


def test_one_broken_fact_stops_no_other(account):
    store_batch(
        [
            entry(account, message("1")),
            entry(account, message("2", content=["no", "dict"])),
            entry(account, message("3")),
        ]
    )

    assert set(Message.objects.values_list("wa_id", flat=True)) == {"1", "3"}
    assert UnreadFact.objects.get().reason == UnreadFact.BROKEN


def test_disappearing_and_forwarded_are_told(account):
    hear(account, message(content={"expires_in": 86400, "forwarded": True}))

    data = told(account, "message")[0]
    assert (data["expires_in"], data["forwarded"]) == (86400, True)


# History ----------------------------------------------------------------------------------------


def test_history_is_stored_and_not_told(account):
    hear(account, message(history=True))

    assert told(account, "message") == []
    assert Message.objects.get().history
    assert Chat.objects.get().unread == 0


def test_history_that_arrives_after_all_is_told_once(account):
    hear(account, message(history=True), message(), message(), message(history=True))

    assert len(told(account, "message")) == 1
    assert not Message.objects.get().history


def test_history_never_overwrites_what_is_newer(account):
    hear(account, message(sender=ANN))
    old_names = base.Party(ANN.jid, "900099999@lid", "+15550009", "Old Ann")

    hear(account, message("0", sender=old_names, chat=old_names, history=True, timestamp=NOON - 9))

    contact = Contact.objects.get()
    assert (contact.lid, contact.push_name) == (ANN.lid, "Ann")
    assert Chat.objects.get().last_message.wa_id == "3A01"


# What could not be read ---------------------------------------------------------------------------


def test_a_placeholder_is_filled_when_the_message_can_be_read(account):
    hear(account, undecryptable(detail="no session"))
    placeholder = Message.objects.get()
    assert told(account, "message.undecryptable")[0]["message_id"] == str(placeholder.pk)

    hear(account, message(media=file(), type="image"))

    [data] = told(account, "message")
    assert data["id"] == str(placeholder.pk)
    assert (data["text"], data["type"]) == ("hello", "image")
    assert Media.objects.get().message == placeholder


def test_a_placeholder_that_history_fills_is_told_too(account):
    hear(account, undecryptable(), message(history=True))

    assert len(told(account, "message")) == 1


def test_a_message_that_we_can_read_is_not_announced_as_unreadable(account):
    hear(account, message(), undecryptable(), undecryptable())

    assert told(account, "message.undecryptable") == []


def test_undecryptable_twice_is_told_once(account):
    hear(account, undecryptable(), undecryptable())

    assert len(told(account, "message.undecryptable")) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_message_its_placeholder_and_its_history_end_in_one_row_in_any_order(account, order):
    facts = [message(), undecryptable(), message(history=True)]
    hear(account, *[facts[index] for index in order])

    row = Message.objects.get()
    assert (row.type, row.text, row.history) == ("text", "hello", False)
    assert len(told(account, "message")) == 1
    assert Chat.objects.get().unread == 1


# Files --------------------------------------------------------------------------------------------


def test_a_file_is_expected_under_a_safe_name(account):
    preview = b"\xff\xd8\xff" + b"x" * 50
    ref = file(
        mime_type="audio/ogg; codecs=opus",
        filename="../v.ogg; codecs=opus",
        thumbnail=base64.b64encode(preview).decode(),
        duration=3.5,
        width=-4,
    )
    hear(account, message(type="voice", media=ref))

    data = told(account, "message")[0]["media"]
    row = Media.objects.get()
    assert (data["mime_type"], data["filename"]) == ("audio/ogg", "_v.ogg")
    assert (data["state"], data["duration"], data["width"]) == ("pending", 3.5, None)
    assert data["url"] == f"/api/v1/media/{row.pk}"
    assert data["thumbnail_url"] == f"/api/v1/media/{row.pk}?thumbnail=1"
    assert bytes(row.thumbnail) == preview
    assert row.raw_filename == "../v.ogg; codecs=opus"


@pytest.mark.parametrize("text", ["", "no base64!", base64.b64encode(b"<svg>").decode()])
def test_a_preview_that_is_no_jpeg_is_none(account, text):
    hear(account, message(type="image", media=file(thumbnail=text)))

    assert Media.objects.get().thumbnail_size == 0


def test_a_message_again_leaves_its_file_alone(account):
    hear(account, message(type="image", media=file()))
    Media.objects.update(state="failed", error={"code": "x", "detail": "y"})

    hear(account, message(type="image", media=file()))

    assert Media.objects.get().state == "failed"


def test_nothing_is_held_for_messages_that_we_have(account):
    hear(account, message(), message())

    assert not HeldFact.objects.exists()
    assert Event.objects.filter(type="message").count() == 1
