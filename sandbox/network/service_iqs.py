"""Small queries that a client makes to stay healthy. Each is answered on purpose, none by default.

Seen from neonize 0.5.2: w:p (keep-alive every 20 to 30 s), passive, privacy (settings and trusted
contact tokens). The others are what the public calls of the client library send.
"""

from sandbox.network.connection import Connection
from sandbox.network.registry import answers
from sandbox.wire.nodes import Node

PRIVACY_CATEGORIES = ("last", "online", "profile", "status", "readreceipts", "groupadd", "calladd")


@answers("w:p", "get")
@answers("passive", "set", "passive")
@answers("privacy", "set", "tokens")
@answers("urn:xmpp:whatsapp:dirty", "set", "clean")
@answers("urn:xmpp:whatsapp:push", "set", "config")
@answers("w:stats", "set")
@answers("status", "set", "status")
def accept(connection: Connection, iq: Node) -> list[Node]:
    """Nothing to say; an empty result is what the client waits for."""
    return []


@answers("privacy", "get", "privacy")
def privacy(connection: Connection, iq: Node) -> list[Node]:
    """Everything is visible to everybody."""
    categories = [Node("category", {"name": name, "value": "all"}) for name in PRIVACY_CATEGORIES]
    return [Node("privacy", {}, categories)]
