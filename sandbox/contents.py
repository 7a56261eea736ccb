"""What is inside the encryption: WhatsApp's Message protobuf, as far as virtual phones speak it.

Source: WAWebProtobufsE2E.proto. Field 1 conversation, 6 extendedTextMessage {1 text},
2 senderKeyDistributionMessage, 12 protocolMessage, 31 deviceSentMessage {1 destination, 2 message},
35 messageContextInfo.
"""

from dataclasses import dataclass

from sandbox.wire import protobuf

CONVERSATION, EXTENDED_TEXT, PROTOCOL, DEVICE_SENT = 1, 6, 12, 31
TEXT_KIND, PROTOCOL_KIND, OTHER_KIND = "text", "protocol", "other"


@dataclass(frozen=True, slots=True)
class MessageContent:
    """A decrypted message. `kind` is text, protocol (not for people) or other (not supported)."""

    kind: str
    text: str = ""
    destination: str = ""
    """The chat, when this is a copy that another device of the same account made; else empty."""


def text_message(text: str) -> bytes:
    """A plain text message."""
    return protobuf.encode([(CONVERSATION, text)])


def device_sent(destination: str, message: bytes) -> bytes:
    """The copy of a sent message for the sender's other devices."""
    return protobuf.encode([(DEVICE_SENT, protobuf.encode([(1, destination), (2, message)]))])


def read_message(data: bytes) -> MessageContent:
    """What a plaintext says. Raises WireError when it is not protobuf."""
    fields = protobuf.decode(data)
    if DEVICE_SENT in fields:
        copy = fields.message(DEVICE_SENT)
        inner = read_message(copy.data(2))
        return MessageContent(inner.kind, inner.text, copy.text(1))
    if CONVERSATION in fields:
        return MessageContent(TEXT_KIND, fields.text(CONVERSATION))
    if EXTENDED_TEXT in fields:
        return MessageContent(TEXT_KIND, fields.message(EXTENDED_TEXT).text(1))
    return MessageContent(PROTOCOL_KIND if PROTOCOL in fields else OTHER_KIND)
