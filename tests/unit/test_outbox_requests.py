"""What an app may ask us to send: every refusal names the field and what to write."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.outbox import recipients, requests
from messaging.outbox.fields import Invalid
from messaging.outbox.requests import parse

TO = "+4915112345678"
DATA = base64.b64encode(b"some bytes").decode()


def refused(**body) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse(body)
    return caught.value


@pytest.mark.parametrize(
    ("written", "jid"),
    [
        ("+4915112345678", "4915112345678@s.whatsapp.net"),
        ("4915112345678", "4915112345678@s.whatsapp.net"),
        (" +49 (151) 123-456.78 ", "4915112345678@s.whatsapp.net"),
        ("4915112345678@s.whatsapp.net", "4915112345678@s.whatsapp.net"),
        ("4915112345678:12@s.whatsapp.net", "4915112345678@s.whatsapp.net"),
        ("4915112345678@c.us", "4915112345678@s.whatsapp.net"),
        ("91000555@lid", "91000555@lid"),
        ("120363041234567890@g.us", "120363041234567890@g.us"),
        ("4915112345678-1600000000@g.us", "4915112345678-1600000000@g.us"),
    ],
)
def test_recipients_in_every_form(written, jid):
    assert parse({"to": written, "type": "text", "text": "x"}).to == jid


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "hello",
        "123",
        "0151123456",
        "+" + "1" * 16,
        "x@s.whatsapp.net",
        "@g.us",
        "1@example.com",
        "status@broadcast",
        "123@newsletter",
        "١٢٣٤٥٦٧٨",
        "4915112345678@s.whatsapp.net\n",
        "a" * 5_000,
    ],
)
def test_nobody_is_refused_by_name(written):
    if written.endswith("\n"):  # white space around it is forgiven
        assert parse({"to": written, "type": "text", "text": "x"}).to
        return
    assert refused(to=written, type="text", text="x").field == "to"


@pytest.mark.parametrize("wrong", [None, 5, True, [], {}, 4915112345678, 1.5])
def test_a_recipient_of_the_wrong_type(wrong):
    assert refused(to=wrong, type="text", text="x").field == "to"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "x"}, "type"),
        ({"type": None, "text": "x"}, "type"),
        ({"type": ["text"], "text": "x"}, "type"),
        ({"type": "carrier_pigeon"}, "type"),
        ({"type": "text"}, "text"),
        ({"type": "text", "text": ""}, "text"),
        ({"type": "text", "text": " \n "}, "text"),
        ({"type": "text", "text": 7}, "text"),
        ({"type": "text", "text": "a\0b"}, "text"),
        ({"type": "text", "text": "\ud800"}, "text"),
        ({"type": "text", "text": "x" * 65_537}, "text"),
        ({"type": "text", "txt": "x", "text": "y"}, "txt"),
        ({"type": "text", "text": "x", "mentions": "all"}, "mentions"),
        ({"type": "text", "text": "x", "mentions": ["+4915112345678"] * 5_000}, "mentions"),
        ({"type": "text", "text": "x", "mentions": ["nobody"]}, "mentions[0]"),
        ({"type": "text", "text": "x", "mentions": ["1203630412@g.us"]}, "mentions[0]"),
        ({"type": "text", "text": "x", "mentions": [{}]}, "mentions[0]"),
        ({"type": "text", "text": "x", "expires_in": 0}, "expires_in"),
        ({"type": "text", "text": "x", "expires_in": True}, "expires_in"),
        ({"type": "text", "text": "x", "expires_in": "soon"}, "expires_in"),
        ({"type": "text", "text": "x", "reply_to": 5}, "reply_to"),
        ({"type": "image"}, "media"),
        ({"type": "image", "media": "https://example.com/a.jpg"}, "media"),
        ({"type": "image", "media": {}}, "media"),
        ({"type": "image", "media": {"url": "https://a.com/b", "base64": DATA}}, "media"),
        ({"type": "image", "media": {"file": "x"}}, "media.file"),
        ({"type": "image", "media": {"base64": "%%%"}}, "media.base64"),
        ({"type": "image", "media": {"base64": ""}}, "media.base64"),
        ({"type": "image", "media": {"upload_id": "7"}}, "media.upload_id"),
        ({"type": "image", "media": {"base64": DATA}, "caption": "x" * 1_025}, "caption"),
        ({"type": "voice", "media": {"base64": DATA}, "caption": "x"}, "caption"),
        ({"type": "document", "media": {"base64": DATA}, "filename": 5}, "filename"),
        ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, "location.latitude"),
        (
            {"type": "location", "location": {"latitude": float("nan"), "longitude": 0}},
            "location.latitude",
        ),
        ({"type": "location", "location": {"latitude": 1}}, "location.longitude"),
        ({"type": "contact", "contacts": []}, "contacts"),
        ({"type": "contact", "contacts": [{"name": "A"}]}, "contacts[0]"),
        (
            {"type": "contact", "contacts": [{"name": "A", "vcard": "hello"}]},
            "contacts[0].vcard",
        ),
        ({"type": "poll", "poll": {"name": "?", "options": ["a"]}}, "poll.options"),
        ({"type": "poll", "poll": {"name": "?", "options": ["a", "a"]}}, "poll.options"),
        ({"type": "poll", "poll": {"name": "?", "options": ["a", 5]}}, "poll.options[1]"),
        (
            {"type": "poll", "poll": {"name": "?", "options": ["a", "b"], "selectable": 3}},
            "poll.selectable",
        ),
        ({"type": "reaction", "message_id": "x"}, "emoji"),
        ({"type": "reaction", "message_id": "x", "emoji": "great"}, "emoji"),
        ({"type": "reaction", "emoji": "👍"}, "message_id"),
        ({"type": "edit", "message_id": "x"}, "text"),
        ({"type": "revoke"}, "message_id"),
    ],
)
def test_what_is_wrong_is_named(body, field):
    found = refused(to=TO, **body)
    assert found.field == field
    assert found.detail


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
def test_a_body_that_is_no_object(body):
    with pytest.raises(Invalid):
        parse(body)


def test_the_largest_text_and_the_caption_fit():
    assert len(parse({"to": TO, "type": "text", "text": "ü" * 65_536}).text) == 65_536
    image = {"to": TO, "type": "image", "media": {"base64": DATA}, "caption": "x" * 1_024}
    assert parse(image).source.data == b"some bytes"


def test_a_base64_file_that_is_too_large_says_where_to_send_it():
    data = base64.b64encode(bytes(requests.INLINE_MOST + 3)).decode()
    found = refused(to=TO, type="document", media={"base64": data})
    assert (found.field, found.code) == ("media.base64", "media_too_large")
    assert "/uploads" in found.detail


def test_an_operation_needs_no_recipient():
    assert parse({"type": "reaction", "message_id": "x", "emoji": ""}).content == {"emoji": ""}
    assert parse({"type": "revoke", "message_id": "x"}).to == ""


def test_a_contact_by_number_becomes_a_vcard():
    order = parse(
        {
            "to": TO,
            "type": "contact",
            "contacts": [{"name": "Ann; B,", "phone_number": "+15550001"}],
        }
    )
    card = order.content["contacts"][0]["vcard"]
    assert "waid=15550001:+15550001" in card
    assert "FN:Ann\\; B\\," in card


def test_mentions_are_jids_each_once():
    order = parse({"to": TO, "type": "text", "text": "@x", "mentions": [TO, TO[1:], "9@lid"]})
    assert order.content["mentions"] == ["4915112345678@s.whatsapp.net", "9@lid"]


def test_the_fingerprint_knows_the_same_order_however_it_is_written():
    one = parse({"to": "+49 151 12345678", "type": "text", "text": "x"})
    two = parse({"type": "text", "to": "4915112345678", "text": "x", "expires_in": 86_400})
    other = parse({"to": TO, "type": "text", "text": "y"})
    assert one.fingerprint() == two.fingerprint() != other.fingerprint()
    files = [
        parse({"to": TO, "type": "document", "media": {"base64": base64.b64encode(d).decode()}})
        for d in (b"a", b"b")
    ]
    assert files[0].fingerprint() != files[1].fingerprint()


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = sorted({name for fields, _ in requests.TYPES.values() for name in fields})


@given(
    kind=st.sampled_from(sorted(requests.TYPES)),
    body=st.dictionaries(st.sampled_from(NAMES), json_values, max_size=6),
)
def test_whatever_comes_is_an_order_or_a_named_refusal(kind, body):
    try:
        order = parse({**body, "type": kind})
    except Invalid as exc:
        assert exc.field
        return
    json.dumps(order.content).encode()
    order.text.encode()
    assert len(order.fingerprint()) == 64


@given(st.text(max_size=60))
def test_a_recipient_is_always_a_jid_or_refused(written):
    try:
        found = recipients.parse(written)
    except recipients.NoRecipient:
        return
    assert recipients.parse(found.jid) == found
    assert found.jid.isascii()


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "ü", "a\nb"])
def test_keys_that_cannot_be_kept(key):
    with pytest.raises(Invalid):
        requests.idempotency_key(key)
