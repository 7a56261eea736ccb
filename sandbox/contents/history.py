"""History as phones hand it to new companions: compressed, sealed, and announced by a message.

Source: whatsmeow message.go (DownloadHistorySync) and WAWebProtobufsHistorySync.proto.
"""

import zlib

from sandbox.contents import codec
from sandbox.contents.codec import Message
from sandbox.contents.sealed_files import HISTORY, SealedFile, seal
from sandbox.contents.traits import HISTORY_SYNC

INITIAL, RECENT, PUSH_NAMES, ON_DEMAND = 0, 3, 4, 6
"""Values of HistorySync.syncType."""
COMPLETE = 100
"""Percent."""


def sealed(history: Message) -> SealedFile:
    """The file for the media host."""
    return seal(zlib.compress(codec.encode("HistorySync", history)), HISTORY)


def notification(history: Message, file: SealedFile, path: str) -> bytes:
    """The message that tells a companion where to fetch it, encoded."""
    notice = {
        "fileSHA256": file.plain_sha256,
        "fileLength": file.size,
        "mediaKey": file.media_key,
        "fileEncSHA256": file.sha256,
        "directPath": path,
        "syncType": history["syncType"],
        "chunkOrder": history.get("chunkOrder", 0),
        "progress": history.get("progress", COMPLETE),
    }
    protocol = {"type": HISTORY_SYNC, "historySyncNotification": notice}
    return codec.encode("Message", {"protocolMessage": protocol})
