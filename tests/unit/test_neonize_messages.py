"""Every kind of message, from WhatsApp's protobuf to our facts."""

import base64
import json

import pytest

from sessions_mgr.engines import base, neonize_messages
from sessions_mgr.engines.neonize_files import (
    THUMBNAIL_BYTES,
    LocatorInvalid,
    read_locator,
)
from tests.unit.messages import BEA, content, event, proto, source


def fact_of(said, **flags):
    fact = neonize_messages.message(event(said, **flags))
    if fact is not None:
        assert base.from_wire(json.loads(json.dumps(fact.to_wire()))) == fact
    return fact


def context(part, **values):
    for name, value in values.items():
        if isinstance(value, list):
            getattr(part.contextInfo, name).extend(value)
        else:
            setattr(part.contextInfo, name, value)


def media(part, **values):
    part.URL = "https://mmg.whatsapp.net/x"
    part.directPath = "/v/x?y"
    part.mediaKey, part.fileSHA256, part.fileEncSHA256 = b"k" * 32, b"s" * 32, b"e" * 32
    part.fileLength = 1234
    for name, value in values.items():
        setattr(part, name, value)


def test_a_reply_names_what_it_answers():
    said = content()
    said.extendedTextMessage.text = "yes"
    context(said.extendedTextMessage, stanzaID="A1", participant="15552:4@s.whatsapp.net")
    said.extendedTextMessage.contextInfo.quotedMessage.imageMessage.caption = "coffee?"
    fact = fact_of(said)
    assert (fact.type, fact.text) == ("text", "yes")
    assert fact.content["quoted"] == {
        "wa_id": "A1",
        "sender_jid": "15552@s.whatsapp.net",
        "text": "coffee?",
    }


def test_mentions_forwarding_and_the_timer_are_told():
    said = content()
    said.extendedTextMessage.text = "@1 hi"
    context(
        said.extendedTextMessage,
        mentionedJID=["15551@s.whatsapp.net", "9100@lid"],
        isForwarded=True,
        expiration=86400,
        ephemeralSettingTimestamp=1_700_000_000,
    )
    told = {
        "mentions": ["15551@s.whatsapp.net", "9100@lid"],
        "forwarded": True,
        "expires_in": 86400,
    }
    assert fact_of(said).content == told | {"expires_since": 1_700_000_000}

    said.extendedTextMessage.contextInfo.ephemeralSettingTimestamp = 1_700_000_000_000
    assert fact_of(said).content == told


def test_an_image_has_a_file_with_a_caption():
    said = content()
    media(
        said.imageMessage,
        mimetype="image/jpeg",
        caption="a cat",
        width=640,
        height=480,
        JPEGThumbnail=b"\xff\xd8small",
    )
    fact = fact_of(said)
    assert (fact.type, fact.text, fact.raw_type) == ("image", "a cat", "")
    assert (fact.media.mime_type, fact.media.size) == ("image/jpeg", 1234)
    assert (fact.media.width, fact.media.height) == (640, 480)
    assert fact.media.sha256 == (b"s" * 32).hex()
    assert base64.b64decode(fact.media.thumbnail) == b"\xff\xd8small"


def test_the_locator_is_all_that_a_download_takes_and_nothing_else():
    said = content()
    media(said.imageMessage, caption="a cat", JPEGThumbnail=b"x" * 1000)
    locator = fact_of(said).media.locator
    fetch = read_locator(type(said), locator)
    assert fetch.imageMessage.mediaKey == b"k" * 32
    assert not fetch.imageMessage.caption and not fetch.imageMessage.JPEGThumbnail
    assert len(locator) < 400


@pytest.mark.parametrize("locator", ["", "!", "AAAA", base64.b64encode(b"\x0a\x02hi").decode()])
def test_what_is_no_locator_is_refused(locator):
    with pytest.raises(LocatorInvalid):
        read_locator(type(content()), locator)


def test_a_thumbnail_that_is_too_large_is_left_out():
    said = content()
    media(said.imageMessage, JPEGThumbnail=b"x" * (THUMBNAIL_BYTES + 1))
    assert fact_of(said).media.thumbnail == ""


@pytest.mark.parametrize(
    ("field", "values", "kind"),
    [
        ("videoMessage", {"seconds": 3}, "video"),
        ("ptvMessage", {"seconds": 3}, "video"),
        ("audioMessage", {"seconds": 3}, "audio"),
        ("audioMessage", {"seconds": 3, "PTT": True, "waveform": bytes(range(64))}, "voice"),
        ("documentMessage", {"fileName": "a; b.pdf"}, "document"),
        ("stickerMessage", {"isAnimated": True}, "sticker"),
    ],
)
def test_every_kind_of_file(field, values, kind):
    said = content()
    media(getattr(said, field), mimetype="x/y; codecs=z", **values)
    fact = fact_of(said)
    assert (fact.type, fact.media.mime_type) == (kind, "x/y; codecs=z")
    assert fact.media.duration == values.get("seconds", 0)
    assert fact.media.filename == values.get("fileName", "")
    assert fact.media.animated == values.get("isAnimated", False)
    assert base64.b64decode(fact.media.waveform) == values.get("waveform", b"")
    assert read_locator(type(said), fact.media.locator)


def test_a_gif_is_a_video_that_moves():
    said = content()
    media(said.videoMessage, gifPlayback=True)
    fact = fact_of(said)
    assert fact.media.animated and fact.content == {"gif": True}


def test_a_document_with_a_caption_is_unwrapped():
    said = content()
    media(said.documentWithCaptionMessage.message.documentMessage, fileName="a.pdf", caption="see")
    fact = fact_of(said)
    assert (fact.type, fact.media.filename, fact.text) == ("document", "a.pdf", "see")


def test_a_location_and_a_live_one():
    said = content()
    said.locationMessage.degreesLatitude, said.locationMessage.degreesLongitude = 52.5, 13.4
    said.locationMessage.name, said.locationMessage.address = "Gate", "Pariser Platz"
    fact = fact_of(said)
    assert fact.type == "location"
    assert fact.content["location"] == {
        "latitude": 52.5,
        "longitude": 13.4,
        "live": False,
        "name": "Gate",
        "address": "Pariser Platz",
    }
    said = content()
    said.liveLocationMessage.degreesLatitude = 1.0
    said.liveLocationMessage.caption = "on my way"
    fact = fact_of(said)
    assert (fact.type, fact.text, fact.content["location"]["live"]) == (
        "live_location",
        "on my way",
        True,
    )


def test_a_place_that_is_no_number_does_not_break_json():
    said = content()
    said.locationMessage.degreesLatitude = float("inf")
    said.locationMessage.degreesLongitude = float("nan")
    place = fact_of(said).content["location"]
    assert (place["latitude"], place["longitude"]) == (0.0, 0.0)


def test_one_contact_and_several():
    said = content()
    said.contactMessage.displayName, said.contactMessage.vcard = "Cy", "BEGIN:VCARD"
    assert fact_of(said).content["contacts"] == [{"name": "Cy", "vcard": "BEGIN:VCARD"}]
    said = content()
    for name in ("Cy", "Di"):
        said.contactsArrayMessage.contacts.add(displayName=name, vcard="V")
    fact = fact_of(said)
    assert [c["name"] for c in fact.content["contacts"]] == ["Cy", "Di"]
    assert fact.type == "contact"


@pytest.mark.parametrize(
    "field", ["pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3", "V4", "V5"]
)
def test_a_poll_of_every_version(field):
    said = content()
    if field == "V4":
        poll = said.pollCreationMessageV4.message.pollCreationMessage
    else:
        poll = getattr(said, field if len(field) > 2 else f"pollCreationMessage{field}")
    poll.name, poll.selectableOptionsCount = "Lunch?", 1
    for option in ("Pizza", "Soup"):
        poll.options.add(optionName=option)
    fact = fact_of(said)
    assert (fact.type, fact.text) == ("poll", "Lunch?")
    assert fact.content["poll"] == {
        "name": "Lunch?",
        "options": ["Pizza", "Soup"],
        "selectable": 1,
    }


def test_a_vote_is_unreadable_until_it_was_decrypted():
    said = content()
    said.pollUpdateMessage.pollCreationMessageKey.ID = "POLL"
    said.pollUpdateMessage.vote.encPayload = b"x"
    fact = fact_of(said)
    assert isinstance(fact, base.PollVoted)
    assert (fact.target_wa_id, fact.readable, fact.option_hashes) == ("POLL", False, [])


@pytest.mark.parametrize("emoji", ["👍", ""])
def test_a_reaction_and_its_end(emoji):
    said = content()
    said.reactionMessage.key.ID, said.reactionMessage.text = "A1", emoji
    fact = fact_of(said)
    assert isinstance(fact, base.ReactionReceived)
    assert (fact.target_wa_id, fact.emoji, fact.wa_id) == ("A1", emoji, "3EB0")


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_edit_with_and_without_its_wrapper(wrapped):
    said = content()
    protocol = (said.editedMessage.message if wrapped else said).protocolMessage
    protocol.type, protocol.key.ID = 14, "A1"
    protocol.editedMessage.extendedTextMessage.text = "better"
    fact = fact_of(said, IsEdit=True)
    assert isinstance(fact, base.MessageEdited)
    assert (fact.target_wa_id, fact.text) == ("A1", "better")


def test_an_edited_caption_is_an_edit():
    said = content()
    said.protocolMessage.type, said.protocolMessage.key.ID = 14, "A1"
    said.protocolMessage.editedMessage.imageMessage.caption = "a dog"
    assert fact_of(said).text == "a dog"


def test_a_revocation():
    said = content()
    said.protocolMessage.type, said.protocolMessage.key.ID = 0, "A1"
    fact = fact_of(said)
    assert isinstance(fact, base.MessageRevoked)
    assert fact.target_wa_id == "A1"


def test_a_new_timer_of_the_chat():
    said = content()
    said.protocolMessage.type, said.protocolMessage.ephemeralExpiration = 3, 604800
    fact = fact_of(said)
    assert isinstance(fact, base.GroupChanged)
    assert (fact.chat.jid, fact.settings) == ("9100@lid", {"expires_in": 604800})


@pytest.mark.parametrize(
    "wrapper", ["viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension", ""]
)
def test_of_a_view_once_message_only_the_notice_is_passed_on(wrapper):
    said = content()
    inner = getattr(said, wrapper).message if wrapper else said
    media(inner.imageMessage, caption="secret")
    fact = fact_of(said, IsViewOnce=not wrapper)
    assert (fact.type, fact.media, fact.text) == ("view_once", None, "")
    assert fact.content == {"view_once": True}


def test_the_mark_on_the_file_itself_makes_it_view_once():
    said = content()
    media(said.audioMessage, viewOnce=True)
    assert fact_of(said).type == "view_once"


@pytest.mark.parametrize("wrapper", ["ephemeralMessage", "deviceSentMessage", "botInvokeMessage"])
def test_other_wrappers_are_taken_off(wrapper):
    said = content()
    getattr(said, wrapper).message.conversation = "hi"
    fact = fact_of(said)
    assert (fact.type, fact.text) == ("text", "hi")


def test_an_invitation_to_a_group():
    said = content()
    invitation = said.groupInviteMessage
    invitation.groupJID, invitation.inviteCode = "1-2@g.us", "abc"
    invitation.groupName, invitation.inviteExpiration = "Club", 1_800_000_000
    invitation.caption = "join us"
    fact = fact_of(said)
    assert (fact.type, fact.text) == ("group_invite", "join us")
    assert fact.content["group_invite"] == {
        "jid": "1-2@g.us",
        "code": "abc",
        "name": "Club",
        "expires_at": 1_800_000_000,
    }


@pytest.mark.parametrize(
    ("field", "path", "text"),
    [
        ("buttonsMessage", "contentText", "choose"),
        ("buttonsResponseMessage", "selectedDisplayText", "this"),
        ("listMessage", "description", "menu"),
        ("listResponseMessage", "title", "that"),
        ("templateMessage", "hydratedTemplate.hydratedContentText", "offer"),
        ("interactiveMessage", "body.text", "flow"),
        ("eventMessage", "name", "party"),
    ],
)
def test_what_has_no_type_says_its_name_and_its_words(field, path, text):
    said = content()
    part = getattr(said, field)
    *steps, last = path.split(".")
    for step in steps:
        part = getattr(part, step)
    setattr(part, last, text)
    fact = fact_of(said)
    assert (fact.type, fact.raw_type, fact.text) == ("unsupported", field, text)


def test_what_is_newer_than_this_program_says_its_number():
    said = content()
    said.ephemeralMessage.message.MergeFromString(b"\xf2\x0b\x02\x0a\x00")  # field 190
    fact = fact_of(said)
    assert (fact.type, fact.raw_type, fact.text) == ("unsupported", "field_190", "")
    bare = content()
    bare.MergeFromString(b"\xf0\x0b\x01")  # a number says nothing to people
    assert fact_of(bare) is None


def test_the_longest_text_stays_whole():
    said = content()
    said.conversation = "ä€𝄞x" * (65_536 // 4)
    assert fact_of(said).text == said.conversation


def test_five_thousand_mentions_fit():
    said = content()
    said.extendedTextMessage.text = "all"
    people = [f"{15550000000 + n}@s.whatsapp.net" for n in range(6000)]
    context(said.extendedTextMessage, mentionedJID=people)
    assert fact_of(said).content["mentions"] == people[:5000]


def test_what_is_too_large_for_the_bus_is_cut_and_marked(caplog):
    said = content()
    said.contactsArrayMessage.displayName = "many"
    for _ in range(64):
        said.contactsArrayMessage.contacts.add(displayName="x", vcard="v" * 32_768)
    fact = fact_of(said)
    assert (fact.type, fact.content) == ("contact", {"cut": True})
    assert "passed on cut" in caplog.text


def test_a_message_that_our_code_cannot_read_is_still_a_message(monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(neonize_messages.neonize_contents, "read", broken)
    said = content()
    said.conversation = "hi"
    fact = fact_of(said)
    assert (fact.type, fact.raw_type, fact.wa_id) == ("unsupported", "unreadable", "3EB0")
    assert "could not be read" in caplog.text


def test_a_group_message_names_the_speaker():
    said = content()
    said.conversation = "hi"
    where = source("123-456@g.us", "9100:3@lid", sender_alt="15551@s.whatsapp.net")
    fact = fact_of(said, where=where)
    assert (fact.chat.type, fact.sender.phone_number) == ("group", "+15551")


def test_an_unavailable_message_is_named_and_a_view_once_one_is_a_notice():
    undecryptable = proto().UndecryptableMessage(IsUnavailable=True)
    undecryptable.Info.CopyFrom(event(content()).Info)
    fact = neonize_messages.undecryptable(undecryptable, "view_once")
    assert (fact.type, fact.wa_id, fact.sender.lid) == ("view_once", "3EB0", BEA["chat"])
    assert neonize_messages.undecryptable(undecryptable, "hosted").detail == "unavailable hosted"
    undecryptable.IsUnavailable = False
    assert neonize_messages.undecryptable(undecryptable).detail == "waiting for a new copy"
