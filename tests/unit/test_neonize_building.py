"""Orders become WhatsApp's protobuf; errors of whatsmeow become codes."""

import base64
import types

import pytest

from sessions_mgr.engines import base
from sessions_mgr.engines.neonize_building import STANDALONE, build
from sessions_mgr.engines.neonize_errors import engine_error, send_error
from tests.unit.messages import content

CHAT = "15551@s.whatsapp.net"
GROUP = "123-4@g.us"
UPLOAD = types.SimpleNamespace(
    url="https://mmg/x",
    DirectPath="/v/x",
    MediaKey=b"k",
    FileEncSHA256=b"e",
    FileSHA256=b"s",
    FileLength=9,
)


def built(order, chat=CHAT, upload=None):
    message = content()
    build(message, order, chat=chat, upload=upload)
    return message


def refused(order, **named):
    with pytest.raises(base.EngineError) as error:
        built(order, **named)
    return error.value.code


def test_a_plain_text_is_a_conversation():
    assert built({"type": "text", "text": "hi"}).conversation == "hi"


def test_a_reply_with_mentions_and_a_timer_has_a_context():
    quoted = {"wa_id": "A", "sender_jid": "15552@s.whatsapp.net", "text": "old"}
    order = {"type": "text", "text": "hi", "quoted": quoted, "mentions": ["1@lid"]}
    context = built(order | {"expires_in": 60}).extendedTextMessage.contextInfo
    assert (context.stanzaID, context.participant) == ("A", "15552@s.whatsapp.net")
    assert context.quotedMessage.conversation == "old"
    assert (list(context.mentionedJID), context.expiration) == (["1@lid"], 60)
    assert not context.HasField("ephemeralSettingTimestamp")


@pytest.mark.parametrize("kind", sorted(STANDALONE))
def test_every_type_of_message_can_disappear(kind):
    order = {
        "type": kind,
        "text": "hi",
        "location": {"latitude": 1, "longitude": 2},
        "contacts": [{"name": "Ann", "vcard": "BEGIN:VCARD"}],
        "poll": {"name": "Tea?", "options": ["a", "b"], "selectable": 1},
        "expires_in": 60,
        "expires_since": 1_800_000_000,
    }
    message = built(order, upload=UPLOAD)
    (_, part), *_ = message.ListFields()
    context = part.contextInfo
    assert (context.expiration, context.ephemeralSettingTimestamp) == (60, 1_800_000_000)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("image", "imageMessage"),
        ("video", "videoMessage"),
        ("audio", "audioMessage"),
        ("voice", "audioMessage"),
        ("document", "documentMessage"),
        ("sticker", "stickerMessage"),
    ],
)
def test_a_file_says_where_it_is(kind, field):
    part = getattr(built({"type": kind, "media": {}}, upload=UPLOAD), field)
    assert (part.URL, part.directPath, part.mediaKey) == ("https://mmg/x", "/v/x", b"k")
    assert (part.fileEncSHA256, part.fileSHA256, part.fileLength) == (b"e", b"s", 9)
    assert part.mimetype == "application/octet-stream" and part.mediaKeyTimestamp > 1.7e9
    assert getattr(part, "PTT", False) == (kind == "voice")
    assert refused({"type": kind, "media": {}}) == "invalid_request"


def test_nonsense_about_a_file_is_left_out():
    media = {"width": "wide", "height": 1e300, "duration": float("nan"), "thumbnail": "!"}
    part = built({"type": "video", "media": media}, upload=UPLOAD).videoMessage
    assert (part.width, part.seconds, part.JPEGThumbnail) == (0, 0, b"")
    thumbnail = base64.b64encode(b"x" * 100_000).decode()
    media = {"type": "image", "media": {"thumbnail": thumbnail}}
    assert built(media, upload=UPLOAD).imageMessage.JPEGThumbnail == b""


def test_the_key_of_a_message_names_the_author_only_for_others_in_groups():
    target = {"wa_id": "A", "sender_jid": "15552@s.whatsapp.net", "from_me": False}
    order = {"type": "reaction", "target": target, "emoji": "👍"}
    key = built(order).reactionMessage.key
    assert (key.remoteJID, key.ID, key.fromMe, key.participant) == (CHAT, "A", False, "")
    key = built(order, chat=GROUP).reactionMessage.key
    assert (key.remoteJID, key.participant) == (GROUP, "15552@s.whatsapp.net")
    mine = order | {"target": target | {"from_me": True}}
    assert built(mine, chat=GROUP).reactionMessage.key.participant == ""
    nobody = order | {"target": {"wa_id": "A"}}
    assert refused(nobody, chat=GROUP) == "invalid_request"


def test_an_edit_is_of_our_own_and_a_revocation_of_anybodys():
    target = {"wa_id": "A", "sender_jid": "15552@s.whatsapp.net"}
    edit = built({"type": "edit", "target": target, "text": "new"})
    protocol = edit.editedMessage.message.protocolMessage
    assert (protocol.type, protocol.key.ID, protocol.key.fromMe) == (14, "A", True)
    assert protocol.editedMessage.conversation == "new"
    revoke = built({"type": "revoke", "target": target}, chat=GROUP).protocolMessage
    assert (revoke.type, revoke.key.ID) == (0, "A")
    assert revoke.key.participant == "15552@s.whatsapp.net"


@pytest.mark.parametrize(
    ("selectable", "field"), [(1, "pollCreationMessageV3"), (0, "pollCreationMessage")]
)
def test_a_poll(selectable, field):
    poll = {"name": "?", "options": ["a", "b"], "selectable": selectable}
    part = getattr(built({"type": "poll", "poll": poll}), field)
    assert [option.optionName for option in part.options] == ["a", "b"]
    assert part.selectableOptionsCount == selectable


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"type": "fax"},
        {"type": "text"},
        {"type": "text", "text": "x" * 65_537},
        {"type": "location", "location": {"latitude": 1}},
        {"type": "location", "location": {"latitude": "north", "longitude": 1}},
        {"type": "contact", "contacts": []},
        {"type": "poll", "poll": {"name": "?", "options": ["a"]}},
        {"type": "poll", "poll": {"name": "?", "options": ["a", "a"]}},
        {"type": "poll", "poll": {"name": "?", "options": list("abcdefghijklm")}},
        {"type": "poll", "poll": {"name": "?", "options": ["a", "b"], "selectable": 3}},
        {"type": "reaction", "emoji": "x"},
        {"type": "edit", "target": {"wa_id": "A"}},
        {"type": "revoke", "target": {}},
    ],
)
def test_what_cannot_be_sent_is_refused(order):
    assert refused(order) == "invalid_request"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("server returned error 463", "reachout_timelock"),
        ("server returned error 429", "rate_limited"),
        ("server returned error 420", "send_failed"),
        ("server returned error 413", "media_too_large"),
        ("no LID found for 15551@s.whatsapp.net from server", "not_on_whatsapp"),
        ("timed out waiting for message send response", "unknown_outcome"),
        ("websocket disconnected before message send returned response", "unknown_outcome"),
        ("failed to get user info for x to fill LID cache: info query timed out", "timeout"),
        ("websocket not connected", "not_connected"),
        ("the store doesn't contain a device JID", "session_gone"),
        (
            "failed to get group members: you're not participating in that group",
            "not_a_member",
        ),
        ("that group does not exist", "not_found"),
        ("upload failed with status code 413", "media_too_large"),
        ("upload failed with status code 415", "media_rejected"),
        ("upload failed with status code 503", "upload_failed"),
        ("failed to refresh media connections: failed to query", "upload_failed"),
        ("download failed with status code 403", "media_gone"),
        ("download failed with status code 410", "media_gone"),
        ("hash of media ciphertext doesn't match", "media_corrupt"),
        ("invalid media hmac", "media_corrupt"),
        ("didn't find any attachments in message", "invalid_locator"),
        ("info query returned status 429: rate-overlimit", "rate_limited"),
        ("info query returned status 403: forbidden", "not_allowed"),
        ("info query returned status 406: not-acceptable", "not_acceptable"),
        ("info query returned status 409: conflict", "already_done"),
        ("info query returned status 419: resource-limit", "resource_limit"),
        ("can't send presence without PushName set", "no_push_name"),
        ("message recipient must be a user JID with no device part", "invalid_recipient"),
        ("something new", "send_failed"),
        ("", "send_failed"),
    ],
)
def test_the_texts_of_whatsmeow_have_codes(text, code):
    error = engine_error(text, "send_failed")
    assert error.code == code and str(error)


def test_whatsapps_own_number_is_kept():
    assert engine_error("server returned error 479", "x").extra == {"whatsapp_error": 479}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("server returned error 463", "reachout_timelock"),
        ("server returned error 479", "send_failed"),
        ("failed to send message node: websocket not connected", "not_connected"),
        ("failed to send message node: frame socket is closed", "not_connected"),
        ("failed to send message node: write: broken pipe", "unknown_outcome"),
        ("failed to get device list: info query timed out", "timeout"),
        ("failed to get group members: that group does not exist", "not_found"),
        ("no LID found for 1@s.whatsapp.net from server", "not_on_whatsapp"),
        ("websocket not connected", "unknown_outcome"),
        ("frame socket is closed", "unknown_outcome"),
        ("websocket disconnected before message send returned response", "unknown_outcome"),
        ("something new", "unknown_outcome"),
    ],
)
def test_a_send_has_failed_only_when_that_is_certain(text, code):
    assert send_error(text, "send_failed").code == code
