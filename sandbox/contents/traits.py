"""What a message's stanza tells the server about the message inside.

Source: whatsmeow send.go (getTypeFromMessage, getMediaTypeFromMessage, getEditAttribute).
"""

from dataclasses import dataclass

from sandbox.contents import codec
from sandbox.contents.codec import Message

WRAPPERS = (
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "editedMessage",
)
"""Fields that hold a whole message, in the order in which clients take them off."""
POLLS = (
    "pollCreationMessage",
    "pollCreationMessageV2",
    "pollCreationMessageV3",
    "pollCreationMessageV5",
)
REVOKE, EPHEMERAL_SETTING, HISTORY_SYNC, EDIT = 0, 3, 5, 14
PEER_REQUEST, PEER_RESPONSE = 16, 17
"""Values of ProtocolMessage.type."""
EDIT_MESSAGE, EDIT_SENDER_REVOKE, EDIT_ADMIN_REVOKE = "1", "7", "8"
_MEDIA = (
    ("imageMessage", "image"),
    ("stickerMessage", "sticker"),
    ("documentMessage", "document"),
    ("contactMessage", "vcard"),
    ("contactsArrayMessage", "contact_array"),
    ("locationMessage", "location"),
    ("liveLocationMessage", "livelocation"),
)


@dataclass(frozen=True, slots=True)
class Traits:
    """Attributes of the stanza; empty ones are not written."""

    kind: str
    media_type: str = ""
    edit: str = ""
    poll_type: str = ""

    @property
    def hidden(self) -> bool:
        """Whether nobody would miss the message itself: it only changes another one."""
        return bool(self.edit) or self.kind == "reaction" or self.poll_type == "vote"


def traits_of(plaintext: bytes) -> Traits:
    """The attributes for a message. Raises WireError."""
    message = codec.decode("Message", plaintext)
    while wrapper := next((name for name in WRAPPERS if name in message), None):
        message = message[wrapper].get("message", {})
    if "reactionMessage" in message:
        removed = not message["reactionMessage"].get("text")
        return Traits("reaction", edit=EDIT_SENDER_REVOKE if removed else "")
    if "pollUpdateMessage" in message:
        return Traits("poll", poll_type="vote")
    if any(name in message for name in POLLS):
        return Traits("poll", poll_type="creation")
    media_type = _media_type(message)
    if media_type:
        return Traits("media", media_type=media_type)
    return Traits("text", edit=_edit(message.get("protocolMessage", {})))


def _media_type(message: Message) -> str:
    if "audioMessage" in message:
        return "ptt" if message["audioMessage"].get("PTT") else "audio"
    if "videoMessage" in message:
        return "gif" if message["videoMessage"].get("gifPlayback") else "video"
    return next((media_type for name, media_type in _MEDIA if name in message), "")


def _edit(protocol: Message) -> str:
    if "key" not in protocol:
        return ""
    if protocol.get("type", REVOKE) == REVOKE:
        return EDIT_SENDER_REVOKE if protocol["key"].get("fromMe") else EDIT_ADMIN_REVOKE
    return EDIT_MESSAGE if protocol["type"] == EDIT else ""
