"""Sends each stanza to the module that handles it. Nothing is ignored without a log line."""

import logging

from sandbox.network import (
    device_links,
    link_codes,
    login,
    messages,
    passkeys,
    pictures,
    prekeys,
    presence,
    receipts,
    registration,
    service_iqs,
    usync,
)
from sandbox.network.connection import Connection
from sandbox.network.registry import handler_for
from sandbox.wire import stanzas
from sandbox.wire.client_payload import Login, Registration
from sandbox.wire.nodes import Node, StanzaError

log = logging.getLogger(__name__)

IQ_MODULES = (device_links, link_codes, passkeys, pictures, prekeys, service_iqs, usync)
"""Importing these registers their iq handlers."""

STANZA_HANDLERS = {
    "message": messages.take_message,
    "receipt": receipts.take_receipt,
    "ack": receipts.take_ack,
    "presence": presence.take_presence,
    "chatstate": presence.take_chat_state,
}
SILENT_TAGS = frozenset({"ib"})
"""Information for the server that is never answered, such as `<unified_session>`."""
NOT_IMPLEMENTED = (501, "feature-not-implemented")
UNKNOWN_STANZA = 488
"""The number clients themselves use for a stanza they do not know (whatsmeow receipt.go)."""


class Dispatcher:
    """The Handlers of every connection."""

    def opened(self, connection: Connection, payload: Login | Registration) -> None:
        """Start a registration or a login."""
        connection.network.connections.add(connection)
        if isinstance(payload, Registration):
            registration.offer_codes(connection, payload)
        else:
            login.log_in(connection, payload)

    def stanza(self, connection: Connection, node: Node) -> None:
        """Handle one stanza."""
        try:
            if node.tag == "iq":
                self._iq(connection, node)
            elif node.tag in STANZA_HANDLERS:
                STANZA_HANDLERS[node.tag](connection, node)
            elif node.tag not in SILENT_TAGS:
                self._unknown(connection, node)
        except StanzaError as error:
            log.warning("connection %d: %s: %s", connection.number, node, error)
            if node.tag == "iq":
                connection.send(stanzas.error(node, error.code, error.text))

    def closed(self, connection: Connection) -> None:
        """Forget the connection; what its device has not acknowledged stays queued."""
        connection.network.connections.discard(connection)
        device = connection.device
        if device and device.connection is connection:
            device.connection = None
            presence.went_away(connection.network, device)

    def _iq(self, connection: Connection, iq: Node) -> None:
        if iq.text("type") in ("result", "error"):
            log.debug("connection %d: nobody waits for %s", connection.number, iq)
            return
        handler = handler_for(iq)
        if handler is None:
            log.warning("connection %d: no answer known for %s", connection.number, iq)
            raise StanzaError(*NOT_IMPLEMENTED)
        content = handler(connection, iq)
        if content is not None:
            connection.send(stanzas.result(iq, content))

    def _unknown(self, connection: Connection, node: Node) -> None:
        log.warning("connection %d: unknown stanza %s", connection.number, node)
        if node.text("id"):
            connection.send(stanzas.refusal(node, UNKNOWN_STANZA))
