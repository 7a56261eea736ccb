"""Messages as a phone's database has them: what history and resent messages are made of."""

from sandbox.contents.codec import Message
from sandbox.contents.writing import key_of
from sandbox.network.archive import Known
from sandbox.network.hub import Network
from sandbox.wire.jids import GROUP_SERVER, Jid


def web_message(network: Network, known: Known) -> Message:
    """The WebMessageInfo of a message; the participant is named in groups only."""
    participant = known.sender if Jid.parse(known.chat).server == GROUP_SERVER else ""
    sender = None if known.from_me else network.find(Jid.parse(known.sender))
    return {
        "key": key_of(known.chat, known.wa_id, from_me=known.from_me, participant=participant),
        "message": known.body,
        "messageTimestamp": known.timestamp,
        "participant": participant or None,
        "pushName": sender.name if sender else None,
    }
