import sys
import threading
import time

import pytest

from sessions_mgr.engines import (
    base,
    neonize_events,
    neonize_library,
    neonize_lines,
    neonize_messages,
    neonize_people,
)


@pytest.fixture(scope="module")
def proto():
    """neonize's protobuf messages, without its Go library."""
    neonize_library.preload()
    return sys.modules["neonize.proto.Neonize_pb2"]


def jid(proto, text):
    user, _, server = text.rpartition("@")
    user, _, device = user.partition(":")
    return proto.JID(
        User=user,
        Device=int(device or 0),
        Integrator=0,
        RawAgent=0,
        Server=server,
        IsEmpty=not text,
    )


def source(proto, chat, sender, *, sender_alt="", recipient_alt="", from_me=False):
    return proto.MessageSource(
        Chat=jid(proto, chat),
        Sender=jid(proto, sender),
        SenderAlt=jid(proto, sender_alt),
        RecipientAlt=jid(proto, recipient_alt),
        IsFromMe=from_me,
        IsGroup=chat.endswith("@g.us"),
    )


def message(proto, where, *, category="", **content):
    event = proto.Message()
    event.Info.MessageSource.CopyFrom(where)
    event.Info.ID = "3EB0"
    event.Info.Pushname = "Bea"
    event.Info.Timestamp = 1_700_000_000_123
    event.Info.Category = category
    for name, value in content.items():
        if isinstance(value, str):
            setattr(event.Message, name, value)
        else:
            field = getattr(event.Message, name)
            field.SetInParent()
            for key, inner in value.items():
                setattr(field, key, inner)
    return neonize_messages.message(event)


BEA = {"chat": "9100@lid", "sender": "9100:3@lid", "sender_alt": "15551@s.whatsapp.net"}


def test_the_library_is_preloaded_without_go_and_without_a_thread():
    before = threading.active_count()
    neonize_library.preload()
    assert threading.active_count() == before
    assert not hasattr(sys.modules["neonize._binder"].gocode, "Neonize")


def test_a_text_names_its_people_by_number_and_by_hidden_id(proto):
    fact = message(proto, source(proto, **BEA), conversation="hello")
    bea = base.Party("9100@lid", "9100@lid", "+15551", "Bea")
    assert fact == base.MessageReceived(
        wa_id="3EB0",
        chat=bea,
        sender=bea,
        from_me=False,
        timestamp=1_700_000_000.123,
        type="text",
        text="hello",
    )


def test_a_message_of_our_own_other_device_is_in_the_chat_of_the_other_person(proto):
    where = source(
        proto,
        "9100@lid",
        "9200:1@lid",
        sender_alt="15552@s.whatsapp.net",
        recipient_alt="15551@s.whatsapp.net",
        from_me=True,
    )
    fact = message(proto, where, conversation="hi")
    assert fact.from_me
    assert (fact.chat.phone_number, fact.sender.phone_number) == ("+15551", "+15552")


def test_a_group_is_a_group_and_its_speaker_a_person(proto):
    where = source(proto, "123-456@g.us", "9100:3@lid", sender_alt="15551@s.whatsapp.net")
    fact = message(proto, where, conversation="hi")
    assert (fact.chat.type, fact.chat.phone_number) == ("group", "")
    assert (fact.sender.type, fact.sender.phone_number) == ("user", "+15551")


def test_a_text_with_a_preview_is_a_text(proto):
    fact = message(proto, source(proto, **BEA), extendedTextMessage={"text": "see https://x.org"})
    assert (fact.type, fact.text) == ("text", "see https://x.org")


@pytest.mark.parametrize(
    ("content", "raw_type"),
    [
        ({"requestPhoneNumberMessage": {}}, "requestPhoneNumberMessage"),
        ({"albumMessage": {"expectedImageCount": 3}}, "albumMessage"),
    ],
)
def test_what_we_cannot_show_is_still_a_message(proto, content, raw_type):
    fact = message(proto, source(proto, **BEA), **content)
    assert (fact.type, fact.raw_type, fact.text) == ("unsupported", raw_type, "")


@pytest.mark.parametrize(
    ("category", "content"),
    [
        pytest.param("peer", {"conversation": "x"}, id="between our own devices"),
        pytest.param("", {"protocolMessage": {"type": 5}}, id="history sync notification"),
        pytest.param("", {"senderKeyDistributionMessage": {"groupID": "g"}}, id="keys only"),
        pytest.param("", {}, id="nothing at all"),
    ],
)
def test_what_nobody_said_is_no_message(proto, category, content):
    assert message(proto, source(proto, **BEA), category=category, **content) is None


@pytest.mark.parametrize(
    ("kind", "status"),
    [("DELIVERED", "delivered"), ("INACTIVE", "delivered"), ("READ", "read"), ("PLAYED", "played")],
)
def test_receipts_that_matter(proto, kind, status):
    fact = neonize_people.receipt(receipt(proto, kind))
    assert (fact.wa_ids, fact.status, fact.timestamp) == (["A", "B"], status, 1_700_000_000.0)


@pytest.mark.parametrize("kind", ["RETRY", "SENDER", "READ_SELF", "SERVER_ERROR", None])
def test_receipts_that_do_not(proto, kind):
    assert neonize_people.receipt(receipt(proto, kind)) is None


def receipt(proto, kind):
    event = proto.Receipt(MessageIDs=["A", "B"], Timestamp=1_700_000_000)
    event.MessageSource.CopyFrom(source(proto, **BEA))
    if kind is not None:
        event.Type = proto.Receipt.ReceiptType.Value(kind)
    return event


def test_connected_says_who_we_are(proto):
    me = proto.Device(
        JID=jid(proto, "15551:7@s.whatsapp.net"), LID=jid(proto, "9100:7@lid"), PushName="Bea"
    )
    assert neonize_lines.connected(me) == base.Connected(
        jid="15551:7@s.whatsapp.net", lid="9100:7@lid", phone_number="+15551", push_name="Bea"
    )


def test_pairing_says_with_whom_or_why_not(proto):
    status = proto.PairStatus(ID=jid(proto, "15551:7@s.whatsapp.net"), Platform="android")
    status.Status = proto.PairStatus.SUCCESS
    assert neonize_lines.pair_status(status) == base.Paired(
        jid="15551:7@s.whatsapp.net", phone_number="+15551", platform="android"
    )
    refused = proto.PairStatus(Status=proto.PairStatus.ERROR, Error="invalid hmac")
    assert neonize_lines.pair_status(refused) == base.PairingRefused("invalid hmac")


def test_a_logout_says_why(proto):
    event = proto.LoggedOut(OnConnect=True, Reason=proto.ConnectFailureReason.Value("LOGGED_OUT"))
    assert neonize_lines.logged_out(event).detail == "logged_out at login"


def test_a_ban_says_until_when(proto):
    ban = proto.TemporaryBan(
        Code=proto.TemporaryBan.TempBanReason.Value("BLOCKED_BY_USERS"), Expire=3600
    )
    fact = neonize_lines.temporary_ban(ban)
    assert fact.code == "blocked_by_users"
    assert fact.expires_at == pytest.approx(time.time() + 3600, abs=5)
    assert neonize_lines.temporary_ban(proto.TemporaryBan(Expire=0)).expires_at is None


def test_presence(proto):
    kind = proto.ChatPresence
    typing = kind(MessageSource=source(proto, **BEA), State=kind.COMPOSING, Media=kind.TEXT)
    assert neonize_people.chat_presence(typing).state == "typing"
    typing.Media = kind.AUDIO
    assert neonize_people.chat_presence(typing).state == "recording"
    typing.State = kind.PAUSED
    assert neonize_people.chat_presence(typing).state == "paused"
    gone = proto.Presence(From=jid(proto, "15551@s.whatsapp.net"), Unavailable=True)
    assert neonize_people.presence(gone).state == "unavailable"


def test_every_translation_is_for_an_event_that_neonize_has(proto):
    assert neonize_events.TRANSLATIONS.keys() <= set(proto.DESCRIPTOR.message_types_by_name)


@pytest.mark.parametrize(
    ("line", "wa_id", "chat", "sender"),
    [
        (
            "Ignoring message 3EB0A1 from 9100:3@lid in 123-4@g.us: failed to decrypt: "
            "received message with old counter (5, 3)",
            "3EB0A1",
            "123-4@g.us",
            "9100@lid",
        ),
        (
            "Ignoring message 3EB0A1 from 15551@s.whatsapp.net: received message with old counter",
            "3EB0A1",
            "15551@s.whatsapp.net",
            "15551@s.whatsapp.net",
        ),
    ],
)
def test_a_message_that_whatsmeow_gives_up_is_named(line, wa_id, chat, sender):
    fact = neonize_events.lost_message(line)
    assert (fact.wa_id, fact.chat.jid, fact.sender.jid) == (wa_id, chat, sender)
    assert fact.detail == base.SEEN_BEFORE


@pytest.mark.parametrize(
    "line",
    ["Successfully authenticated", "Ignoring message A from b@lid: event was already processed"],
)
def test_other_log_lines_name_no_lost_message(line):
    assert neonize_events.lost_message(line) is None


def test_facts_survive_the_wire(proto):
    fact = message(proto, source(proto, **BEA), conversation="hello")
    assert base.from_wire(fact.to_wire()) == fact
