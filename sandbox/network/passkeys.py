"""The passkey demand: what WhatsApp sends instead of pair-success to a protected account's client.

Source: whatsmeow pair-passkey.go and notification.go (pull request 1186), and the captures in
whatsmeow issue 1185: a `passkey_prologue_request` notification with WebAuthn request options, for
which the relying party is whatsapp.com. The sandbox makes the demand and repeats the options when
asked; it does not verify assertions, so such a pairing never completes here.
"""

import base64
import secrets

from sandbox.network.connection import Connection
from sandbox.network.registry import answers
from sandbox.wire import stanzas
from sandbox.wire.nodes import Node, StanzaError

RELYING_PARTY = "whatsapp.com"
TIMEOUT_MILLISECONDS = 600_000


def demand(connection: Connection) -> None:
    """Ask the client for a passkey."""
    network = connection.network
    connection.send(stanzas.passkey_demand(network.next_id(), network.now(), _options()))


@answers("md", "get", "passkey_request_options")
def take_options_request(connection: Connection, iq: Node) -> list[Node]:
    """The client could not read the options in the notification and asks for them."""
    if connection.attempt is None:
        raise StanzaError(400, "the device is linked already")
    return [stanzas.passkey_request_options(_options())]


def _options() -> dict[str, object]:
    return {
        "challenge": _unpadded(secrets.token_bytes(32)),
        "timeout": TIMEOUT_MILLISECONDS,
        "rpId": RELYING_PARTY,
        "allowCredentials": [
            {
                "id": _unpadded(secrets.token_bytes(32)),
                "type": "public-key",
                "transports": ["internal", "hybrid"],
            }
        ],
        "userVerification": "required",
        "extensions": {},
    }


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
