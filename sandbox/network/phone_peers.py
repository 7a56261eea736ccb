"""What a phone's own companions ask of it: messages that did not reach them, and older history.

Source: whatsmeow retry.go and send.go (BuildUnavailableMessageRequest, BuildHistorySyncRequest)
and message.go (handlePlaceholderResendResponse). A phone never gives away a view-once message.
"""

import logging

from sandbox.contents import MessageContent, codec, read_message
from sandbox.contents.codec import Message
from sandbox.contents.traits import PEER_RESPONSE
from sandbox.network import app_state, phone_history, phone_outbox
from sandbox.network.hub import Network
from sandbox.network.model import Device, Phone
from sandbox.network.web_messages import web_message
from sandbox.wire.jids import Jid

log = logging.getLogger(__name__)

HISTORY_ON_DEMAND, PLACEHOLDER_RESEND = 3, 4
"""Values of PeerDataOperationRequestType."""


def answer(
    network: Network, phone: Phone, sender: Jid, wa_id: str, content: MessageContent
) -> None:
    """Do what a companion asks for; whatever else is not for people is ignored."""
    request = content.message.get("protocolMessage", {}).get("peerDataOperationRequestMessage")
    device = network.find_device(sender)
    if device is None or device.phone is not phone:
        return
    if request is None:
        app_state.answer_key_request(network, device, content.plaintext)
        return
    kind = request.get("peerDataOperationRequestType", 0)
    if kind == PLACEHOLDER_RESEND:
        _resend(network, phone, device, wa_id, request)
    elif kind == HISTORY_ON_DEMAND:
        _older(network, phone, device, request)
    else:
        log.warning("%s cannot do what %s asks for (%d)", phone.number, sender, kind)


def _resend(
    network: Network, phone: Phone, device: Device, request_id: str, request: Message
) -> None:
    results: list[Message] = []
    for item in request.get("placeholderMessageResendRequest", []):
        known = network.archive.find(phone.digits, item.get("messageKey", {}).get("ID", ""))
        if known is None or read_message(known.body).details.get("view_once"):
            continue
        info = codec.encode("WebMessageInfo", web_message(network, known))
        results.append({"placeholderMessageResendResponse": {"webMessageInfoBytes": info}})
    if results:
        response = {
            "peerDataOperationRequestType": PLACEHOLDER_RESEND,
            "stanzaID": request_id,
            "peerDataOperationResult": results,
        }
        protocol = {
            "type": PEER_RESPONSE,
            "peerDataOperationRequestResponseMessage": response,
        }
        plaintext = codec.encode("Message", {"protocolMessage": protocol})
        phone_outbox.send_peer(network, phone, device, plaintext)


def _older(network: Network, phone: Phone, device: Device, request: Message) -> None:
    wanted = request.get("historySyncOnDemandRequest", {})
    phone_history.send_older(network, phone, device, wanted)
