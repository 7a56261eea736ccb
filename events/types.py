"""The names of all events, in one place. What `data` holds is in docs/events.md."""

from __future__ import annotations

SESSION_STATUS = "session.status"
SESSION_QR = "session.qr"
SESSION_PAIRING_CODE = "session.pairing_code"
MESSAGE = "message"
MESSAGE_ACK = "message.ack"
MESSAGE_UNDECRYPTABLE = "message.undecryptable"
MESSAGE_GAP = "message.gap"
CHAT_PRESENCE = "chat.presence"
ACCOUNT_RESTRICTED = "account.restricted"
WEBHOOK_DISABLED = "webhook.disabled"
WEBHOOK_TEST = "webhook.test"

ALL = frozenset(
    {
        SESSION_STATUS,
        SESSION_QR,
        SESSION_PAIRING_CODE,
        MESSAGE,
        MESSAGE_ACK,
        MESSAGE_UNDECRYPTABLE,
        MESSAGE_GAP,
        CHAT_PRESENCE,
        ACCOUNT_RESTRICTED,
        WEBHOOK_DISABLED,
        WEBHOOK_TEST,
    }
)

# Promised by the contract, written by nobody yet. Readers may name them in filters already.
ANNOUNCED = frozenset(
    {
        "message.reaction",
        "message.edited",
        "message.revoked",
        "message.gap",
        "group.joined",
        "group.participants",
        "contact.updated",
        "call.offer",
    }
)
KNOWN = ALL | ANNOUNCED

# These carry something that links a phone; they are blanked once the code is worthless.
SECRET = frozenset({SESSION_QR, SESSION_PAIRING_CODE})
