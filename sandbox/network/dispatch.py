"""Sends each stanza to the module that handles it. Nothing is ignored without a log line."""

import logging

from sandbox.network import (
    app_state,
    blocklists,
    calls,
    device_links,
    groups_iqs,
    groups_messages,
    link_codes,
    login,
    media_host,
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

IQ_MODULES = (
    app_state,
    blocklists,
    device_links,
    groups_iqs,
    link_codes,
    media_host,
    passkeys,
    pictures,
    prekeys,
    service_iqs,
    usync,
)
"""Importing these registers their iq handlers."""


def _take_message(connection: Connection, message: Node) -> None:
    group = connection.network.groups.find(message.require_jid("to"))
    if group:
        groups_messages.take_message(connection, message, group)
    else:
        messages.take_message(connection, message)


STANZA_HANDLERS = {
    "message": _take_message,
    "receipt": receipts.take_receipt,
    "call": calls.take_call,
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
