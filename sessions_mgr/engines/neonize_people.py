"""Receipts, presence, pictures, calls: what people do besides writing. Pure.

Times: receipts, calls and pictures come in seconds (goneonize/utils/encoder.go).
"""

from __future__ import annotations

from typing import Any

from . import base
from .neonize_parties import chat_and_sender, party

_RECEIPTS = {"DELIVERED": "delivered", "INACTIVE": "delivered", "READ": "read", "PLAYED": "played"}
NODE_DEPTH = 4  # of a call's stanza that is searched for its kind


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


def picture(event: Any) -> base.EngineEvent:
    """WhatsApp says that a picture changed and by whom; neonize leaves out the new picture's id."""
    return base.PictureChanged(
        chat=party(event.JID),
        timestamp=_seconds(event.Timestamp),
        picture_id="",
        removed=event.Remove,
    )


def call_offer(event: Any) -> base.EngineEvent:
    return _call(event.basicCallMeta, video=_node_has(event.data, "video"), group=False)


def call_offer_notice(event: Any) -> base.EngineEvent:
    return _call(event.basicCallMeta, video=event.media == "video", group=event.type == "group")


def _call(meta: Any, *, video: bool, group: bool) -> base.EngineEvent:
    caller = meta.callCreator if meta.callCreator.User else getattr(meta, "from")
    sender = party(caller, meta.callCreatorAlt)
    place = party(getattr(meta, "from"))
    return base.CallOffered(
        call_id=meta.callID,
        chat=place if place.type == "group" else sender,
        sender=sender,
        timestamp=_seconds(meta.timestamp),
        video=video,
        group=group or place.type == "group",
    )


def _node_has(node: Any, tag: str, depth: int = NODE_DEPTH) -> bool:
    if node.Tag == tag:
        return True
    return depth > 0 and any(_node_has(child, tag, depth - 1) for child in node.Nodes)


def _seconds(timestamp: int) -> float:
    """neonize gives some times in milliseconds; no date of ours is before 2001 in those."""
    return timestamp / 1000 if timestamp > 10**11 else float(timestamp)
