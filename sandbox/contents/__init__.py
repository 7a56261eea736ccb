"""What is inside the encryption: WhatsApp's Message protobuf, as virtual phones speak it.

It knows no network and no chat kind: plaintexts in, documents out, and the other way round.
"""

from sandbox.contents.reading import PROTOCOL_KIND, MessageContent, read_message
from sandbox.contents.writing import device_sent, text_message

__all__ = ["PROTOCOL_KIND", "MessageContent", "device_sent", "read_message", "text_message"]
