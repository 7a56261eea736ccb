"""The hash by which client and server compare what they know about somebody's devices."""

import base64
import hashlib
from collections.abc import Iterable

from sandbox.wire.jids import Jid

HASH_BYTES = 6


def device_hash(addresses: Iterable[Jid]) -> str:
    """The hash of a list of devices in any order (whatsmeow send.go, participantListHashV2)."""
    written = sorted(f"{jid.user}.0:{jid.device}@{jid.server}" for jid in addresses)
    digest = hashlib.sha256("".join(written).encode()).digest()[:HASH_BYTES]
    return "2:" + base64.b64encode(digest).decode().rstrip("=")
