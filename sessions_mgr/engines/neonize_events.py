"""Says in our words what neonize says in protobuf. Pure: a message in, an engine event or None out.

None means "nothing that the product has a word for"; the caller logs its name. Times: neonize gives
messages in milliseconds, receipts in seconds and a ban as a duration (goneonize/utils/encoder.go).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from . import base

# Parts of a message that carry no content of their own.
_ENVELOPE = frozenset({"messageContextInfo", "senderKeyDistributionMessage"})
# Protocol messages that a person caused; the others are housekeeping between our own devices.
_SAID_BY_PEOPLE = frozenset({"REVOKE", "MESSAGE_EDIT"})
_RECEIPTS = {"DELIVERED": "delivered", "INACTIVE": "delivered", "READ": "read", "PLAYED": "played"}
_SERVERS = {
    "s.whatsapp.net": "user",
    "lid": "user",
    "g.us": "group",
    "broadcast": "broadcast",
    "newsletter": "newsletter",
}
_OLD_COUNTER = re.compile(r"Ignoring message (\S+) from (\S+?)(?: in (\S+?))?: .*old counter")


def jid_text(jid: Any) -> str:
    """A JID without its device, "" for none."""
    if jid.IsEmpty or not jid.Server:
        return ""
    return f"{jid.User}@{jid.Server}" if jid.User else str(jid.Server)


def device_jid_text(jid: Any) -> str:
    """A JID with its device, as whatsmeow writes it."""
    if jid.IsEmpty or not jid.Server:
        return ""
    return f"{jid.User}:{jid.Device}@{jid.Server}" if jid.Device else jid_text(jid)


def phone_number(jid: Any) -> str:
    return f"+{jid.User}" if jid.Server == "s.whatsapp.net" and jid.User.isdigit() else ""


def party(jid: Any, alternative: Any = None, push_name: str = "") -> base.Party:
    """One person, group or channel under both of its names, the number and the hidden id."""
    names = [j for j in (jid, alternative) if j is not None]
    return base.Party(
        jid=jid_text(jid),
        lid=next((jid_text(j) for j in names if j.Server == "lid"), ""),
        phone_number=next(filter(None, map(phone_number, names)), ""),
        push_name=push_name,
        type=_SERVERS.get(jid.Server, "user"),
    )


def chat_and_sender(source: Any, push_name: str = "") -> tuple[base.Party, base.Party]:
    sender = party(source.Sender, source.SenderAlt, push_name)
    if source.IsGroup or source.Chat.Server not in ("s.whatsapp.net", "lid"):
        return party(source.Chat), sender
    if source.IsFromMe:
        return party(source.Chat, source.RecipientAlt), sender
    return party(source.Chat, source.SenderAlt, push_name), sender


def message(event: Any) -> base.EngineEvent | None:
    if event.Info.Category == "peer":
        return None  # our own devices talking to each other
    content = _content(event.Message)
    if content is None:
        return None
    kind, text, raw_type = content
    chat, sender = chat_and_sender(event.Info.MessageSource, event.Info.Pushname)
    return base.MessageReceived(
        wa_id=event.Info.ID,
        chat=chat,
        sender=sender,
        from_me=event.Info.MessageSource.IsFromMe,
        timestamp=event.Info.Timestamp / 1000,
        type=kind,
        text=text,
        raw_type=raw_type,
    )


def _content(content: Any) -> tuple[str, str, str] | None:
    """(type, text, raw type), or None for a message in which nobody says anything."""
    fields = [f.name for f, _ in content.ListFields() if f.name not in _ENVELOPE]
    if "conversation" in fields:
        return "text", str(content.conversation), ""
    if "extendedTextMessage" in fields:
        return "text", str(content.extendedTextMessage.text), ""
    if not fields:
        return None
    if "protocolMessage" in fields:
        protocol = content.protocolMessage
        kind = protocol.DESCRIPTOR.enum_types_by_name["Type"].values_by_number.get(protocol.type)
        if kind is None or kind.name not in _SAID_BY_PEOPLE:
            return None
    return "unsupported", "", str(fields[0])


def receipt(event: Any) -> base.EngineEvent | None:
    names = event.DESCRIPTOR.enum_types_by_name["ReceiptType"].values_by_number
    status = _RECEIPTS.get(names[event.Type].name) if event.HasField("Type") else None
    if status is None:
        return None  # retries, and what our own other devices have read
    chat, sender = chat_and_sender(event.MessageSource)
    return base.ReceiptReceived(
        wa_ids=list(event.MessageIDs),
        status=status,
        chat=chat,
        sender=sender,
        timestamp=float(event.Timestamp),
    )


def undecryptable(event: Any) -> base.EngineEvent:
    chat, sender = chat_and_sender(event.Info.MessageSource, event.Info.Pushname)
    return base.Undecryptable(
        wa_id=event.Info.ID,
        chat=chat,
        sender=sender,
        timestamp=event.Info.Timestamp / 1000,
        detail="unavailable" if event.IsUnavailable else "waiting for a new copy",
    )


def chat_presence(event: Any) -> base.EngineEvent:
    chat, sender = chat_and_sender(event.MessageSource)
    composing = event.State == event.ChatPresence.Value("COMPOSING")
    audio = event.Media == event.ChatPresenceMedia.Value("AUDIO")
    state = "paused" if not composing else "recording" if audio else "typing"
    return base.PresenceSeen(chat=chat, sender=sender, state=state)


def presence(event: Any) -> base.EngineEvent:
    who = party(event.From)
    return base.PresenceSeen(
        chat=who, sender=who, state="unavailable" if event.Unavailable else "available"
    )


def pair_status(event: Any) -> base.EngineEvent:
    if event.Status == event.PStatus.Value("SUCCESS"):
        return base.Paired(
            jid=device_jid_text(event.ID),
            phone_number=phone_number(event.ID),
            platform=event.Platform,
        )
    return base.PairingRefused(detail=event.Error)


def connected(device: Any) -> base.Connected:
    """From the answer of get_me: the event itself says nothing."""
    return base.Connected(
        jid=device_jid_text(device.JID),
        lid=device_jid_text(device.LID),
        phone_number=phone_number(device.JID),
        push_name=device.PushName,
    )


def logged_out(event: Any) -> base.EngineEvent:
    when = "at login" if event.OnConnect else "while connected"
    return base.LoggedOut(detail=f"{_reason(event)} {when}".strip())


def temporary_ban(event: Any) -> base.EngineEvent:
    code = ""
    if event.HasField("Code"):
        code = event.TempBanReason.Name(event.Code).lower()
    expires_at = time.time() + event.Expire if event.Expire > 0 else None
    return base.TemporarilyBanned(code=code, expires_at=expires_at)


def connect_failure(event: Any) -> base.EngineEvent:
    return base.ConnectRefused(code=_reason(event), detail=event.Message)


def _reason(event: Any) -> str:
    if not event.HasField("Reason"):
        return "unknown"
    enum = event.DESCRIPTOR.fields_by_name["Reason"].enum_type
    return str(enum.values_by_number[event.Reason].name).lower()


def stream_error(event: Any) -> base.EngineEvent:
    return base.ConnectionLost(detail=f"stream error {event.Code}")


# By the name of the protobuf message. `Connected` is missing: it takes a call to the client.
TRANSLATIONS: dict[str, Callable[[Any], base.EngineEvent | None]] = {
    "PairStatus": pair_status,
    "Disconnected": lambda _: base.ConnectionLost(),
    "KeepAliveTimeout": lambda event: base.KeepAliveLost(failures=event.ErrorCount),
    "KeepAliveRestored": lambda _: base.KeepAliveRestored(),
    "LoggedOut": logged_out,
    "StreamReplaced": lambda _: base.StreamReplaced(),
    "TemporaryBan": temporary_ban,
    "ClientOutdated": lambda _: base.ClientOutdated(),
    "ConnectFailure": connect_failure,
    "StreamError": stream_error,
    "Message": message,
    "Receipt": receipt,
    "ChatPresence": chat_presence,
    "Presence": presence,
    "UndecryptableMessage": undecryptable,
}


def lost_message(log_line: str) -> base.Undecryptable | None:
    """The message that a log line of whatsmeow gives up on, if it is such a line.

    After a crash WhatsApp sends again what was not receipted. What had been decrypted already
    cannot be decrypted twice: whatsmeow drops it with this line and no event. Either we have it, or
    it was lost between decryption and spool; whoever stores messages knows which, by the id.
    """
    found = _OLD_COUNTER.search(log_line)
    if found is None:
        return None
    wa_id, sender, chat = found.groups()
    return base.Undecryptable(
        wa_id=wa_id,
        chat=_party_from_text(chat or sender),
        sender=_party_from_text(sender),
        timestamp=time.time(),
        detail=base.SEEN_BEFORE,
    )


def _party_from_text(jid: str) -> base.Party:
    user, _, server = jid.rpartition("@")
    user = user.partition(":")[0].partition(".")[0]
    return base.Party(
        jid=f"{user}@{server}",
        lid=f"{user}@lid" if server == "lid" else "",
        phone_number=f"+{user}" if server == "s.whatsapp.net" else "",
        type=_SERVERS.get(server, "user"),
    )
