"""The names of all events, in one place. What `data` holds is in docs/events.md."""

from __future__ import annotations

SESSION_STATUS = "session.status"
SESSION_QR = "session.qr"
SESSION_PAIRING_CODE = "session.pairing_code"
MESSAGE = "message"
MESSAGE_ACK = "message.ack"
MESSAGE_REACTION = "message.reaction"
MESSAGE_EDITED = "message.edited"
MESSAGE_REVOKED = "message.revoked"
MESSAGE_POLL_VOTE = "message.poll_vote"
MESSAGE_MEDIA = "message.media"
MESSAGE_UNDECRYPTABLE = "message.undecryptable"
MESSAGE_GAP = "message.gap"
CHAT_PRESENCE = "chat.presence"
GROUP_JOINED = "group.joined"
GROUP_PARTICIPANTS = "group.participants"
GROUP_UPDATED = "group.updated"
CONTACT_UPDATED = "contact.updated"
CALL_OFFER = "call.offer"
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
        MESSAGE_REACTION,
        MESSAGE_EDITED,
        MESSAGE_REVOKED,
        MESSAGE_POLL_VOTE,
        MESSAGE_MEDIA,
        MESSAGE_UNDECRYPTABLE,
        MESSAGE_GAP,
        CHAT_PRESENCE,
        GROUP_JOINED,
        GROUP_PARTICIPANTS,
        GROUP_UPDATED,
        CONTACT_UPDATED,
        CALL_OFFER,
        ACCOUNT_RESTRICTED,
        WEBHOOK_DISABLED,
        WEBHOOK_TEST,
    }
)
CHOICES = tuple((name, name) for name in sorted(ALL))

# These carry something that links a phone; they are blanked once the code is worthless.
SECRET = frozenset({SESSION_QR, SESSION_PAIRING_CODE})
