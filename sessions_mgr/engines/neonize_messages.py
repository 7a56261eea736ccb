"""Says in our words what people wrote. Pure: neonize's Message in, one fact or None out.

None means that nobody said anything: housekeeping between devices. Whatever a person caused becomes
a fact, also when it cannot be read: a message is never dropped, and none can end the worker.
Times: neonize gives messages in milliseconds (goneonize/utils/encoder.go).
"""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass
from typing import Any

from . import base, neonize_contents
from .neonize_contents import NAME_CHARACTERS
from .neonize_parties import chat_and_sender

logger = logging.getLogger(__name__)

FACT_BYTES = 900_000  # of JSON; the bus takes 1 MB
_TEXT_LEFT = 60_000  # characters that stay of a text in a fact that was too large
UNREADABLE = "unreadable"  # the raw type of a message that our own code could not read

# Protocol messages that a person caused; the others are housekeeping between our own devices.
_REVOKE, _EPHEMERAL_SETTING, _MESSAGE_EDIT = 0, 3, 14


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who wrote a message, where and when: the fields that all facts about messages share."""

    wa_id: str
    chat: base.Party
    sender: base.Party
    from_me: bool
    timestamp: float

    def shared(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}


def message(event: Any) -> base.EngineEvent | None:
    if event.Info.Category == "peer":
        return None  # our own devices talking to each other
    info = event.Info
    chat, sender = chat_and_sender(info.MessageSource, info.Pushname)
    envelope = Envelope(
        wa_id=info.ID,
        chat=chat,
        sender=sender,
        from_me=info.MessageSource.IsFromMe,
        timestamp=info.Timestamp / 1000,
    )
    view_once = event.IsViewOnce or event.IsViewOnceV2 or event.IsViewOnceV2Extension
    return fact(envelope, event.Message, view_once=view_once, edit=event.IsEdit)


def fact(
    envelope: Envelope,
    content: Any,
    *,
    view_once: bool = False,
    edit: bool = False,
    history: bool = False,
) -> base.EngineEvent | None:
    """What a waE2E.Message says, said by `envelope`. None: nothing. Never raises."""
    try:
        said = _fact(envelope, content, view_once=view_once, edit=edit, history=history)
    except Exception:
        logger.exception("message %s could not be read", envelope.wa_id)
        said = base.MessageReceived(
            **envelope.shared(), type="unsupported", raw_type=UNREADABLE, history=history
        )
    return said if said is None else fitted(said)


def fitted(said: base.EngineEvent) -> base.EngineEvent:
    """The fact, small enough for the bus: what does not fit is left out, with a line in the log."""
    if not isinstance(said, base.MessageReceived | base.MessageEdited):
        return said
    size = len(json.dumps(said.to_wire(), ensure_ascii=False).encode("utf-8", "replace"))
    if size <= FACT_BYTES:
        return said
    logger.warning("message %s has %d bytes, it is passed on cut", said.wa_id, size)
    if isinstance(said, base.MessageEdited):
        return dataclasses.replace(said, text=said.text[:_TEXT_LEFT])
    return dataclasses.replace(
        said,
        text=said.text[:_TEXT_LEFT],
        content={"cut": True},
        media=said.media and dataclasses.replace(said.media, thumbnail="", waveform=""),
    )


def _fact(
    envelope: Envelope, content: Any, *, view_once: bool, edit: bool, history: bool
) -> base.EngineEvent | None:
    inner, wrappers = neonize_contents.unwrap(content)
    view_once = view_once or bool(wrappers & neonize_contents.VIEW_ONCE)
    field = neonize_contents.field_of(inner)
    if field == "protocolMessage":
        return _protocol(envelope, inner.protocolMessage)
    if field == "reactionMessage":
        reaction = inner.reactionMessage
        return base.ReactionReceived(
            **envelope.shared(),
            target_wa_id=reaction.key.ID[:NAME_CHARACTERS],
            emoji=reaction.text[:NAME_CHARACTERS],
        )
    if field == "pollUpdateMessage":
        return base.PollVoted(
            **envelope.shared(),
            target_wa_id=inner.pollUpdateMessage.pollCreationMessageKey.ID[:NAME_CHARACTERS],
            readable=False,
        )
    said = neonize_contents.read(inner, view_once=view_once)
    if said is None:
        return None
    if (edit or "editedMessage" in wrappers) and not history:
        logger.info("message %s is an edit without a key", envelope.wa_id)
    return base.MessageReceived(
        **envelope.shared(),
        type=said.type,
        text=said.text,
        raw_type=said.raw_type,
        media=said.media,
        content=said.content,
        history=history,
    )


def _protocol(envelope: Envelope, protocol: Any) -> base.EngineEvent | None:
    target = protocol.key.ID[:NAME_CHARACTERS]
    # The number 0 is also what an absent type reads as: only a key makes it a revocation.
    if protocol.type == _REVOKE and protocol.HasField("key"):
        return base.MessageRevoked(**envelope.shared(), target_wa_id=target)
    if protocol.type == _MESSAGE_EDIT:
        text = neonize_contents.words_of(protocol.editedMessage)
        return base.MessageEdited(**envelope.shared(), target_wa_id=target, text=text)
    if protocol.type == _EPHEMERAL_SETTING:
        return base.GroupChanged(
            chat=envelope.chat,
            sender=envelope.sender,
            timestamp=envelope.timestamp,
            settings={"expires_in": protocol.ephemeralExpiration},
        )
    return None


def undecryptable(event: Any, unavailable_type: str = "") -> base.EngineEvent:
    """A message without its content. A view-once message of which we get the notice only is one.

    `unavailable_type` is whatsmeow's word for why; neonize leaves it out of the event.
    """
    chat, sender = chat_and_sender(event.Info.MessageSource, event.Info.Pushname)
    wa_id, timestamp = event.Info.ID, event.Info.Timestamp / 1000
    if unavailable_type == "view_once":
        return base.MessageReceived(
            wa_id=wa_id,
            chat=chat,
            sender=sender,
            from_me=event.Info.MessageSource.IsFromMe,
            timestamp=timestamp,
            type="view_once",
            content={"view_once": True},
        )
    unavailable = f"unavailable {unavailable_type}".strip()
    return base.Undecryptable(
        wa_id=wa_id,
        chat=chat,
        sender=sender,
        timestamp=timestamp,
        detail=unavailable if event.IsUnavailable else "waiting for a new copy",
    )
