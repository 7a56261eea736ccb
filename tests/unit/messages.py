"""Makes neonize's events out of real protobuf messages, without its Go library."""

import sys

from sessions_mgr.engines import neonize_library

BEA = {"chat": "9100@lid", "sender": "9100:3@lid", "sender_alt": "15551@s.whatsapp.net"}


def proto():
    neonize_library.preload()
    return sys.modules["neonize.proto.Neonize_pb2"]


def content():
    """An empty waE2E.Message."""
    return proto().Message().Message


def history_sync():
    return proto().HistorySync().Data


def jid(text):
    user, _, server = text.rpartition("@")
    user, _, device = user.partition(":")
    return proto().JID(
        User=user,
        Device=int(device or 0),
        Integrator=0,
        RawAgent=0,
        Server=server,
        IsEmpty=not text,
    )


def source(chat, sender, *, sender_alt="", recipient_alt="", from_me=False):
    return proto().MessageSource(
        Chat=jid(chat),
        Sender=jid(sender),
        SenderAlt=jid(sender_alt),
        RecipientAlt=jid(recipient_alt),
        IsFromMe=from_me,
        IsGroup=chat.endswith("@g.us"),
    )


def event(said, *, where=None, **flags):
    """A Message event with `said` (a waE2E.Message) in it."""
    made = proto().Message(**flags)
    made.Info.MessageSource.CopyFrom(where or source(**BEA))
    made.Info.ID = "3EB0"
    made.Info.Pushname = "Bea"
    made.Info.Timestamp = 1_700_000_000_123
    made.Message.CopyFrom(said)
    return made
