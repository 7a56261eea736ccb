"""One example for each component of the schema that is a body or an answer."""

from __future__ import annotations

from typing import Any

from .hooks import HOOKS
from .numbers import NUMBERS
from .people import (
    ACCOUNT_ID,
    ANN,
    ANN_JID,
    BEN,
    CHAT,
    GROUP_JID,
    LATER,
    MESSAGE_ID,
    NOON,
    PERSON,
    TOMORROW,
    UPLOAD_ID,
    US,
    WA_ID,
    avatar_url,
)


def page(one: Any) -> dict[str, Any]:
    return {"results": [one], "next": None, "previous": None}


MESSAGE: dict[str, Any] = {
    "id": MESSAGE_ID,
    "account_id": ACCOUNT_ID,
    "wa_id": WA_ID,
    "direction": "out",
    "chat": CHAT,
    "sender": US,
    "type": "text",
    "text": "Your parcel is here",
    "media": None,
    "quoted": None,
    "mentions": [],
    "timestamp": NOON,
    "raw_type": "",
    "status": "delivered",
    "error": None,
    "edited_at": None,
    "revoked_at": None,
    "history": False,
    "sent_by": "key:h7Qm2xVb",
    "expires_in": None,
    "location": None,
    "contacts": None,
    "group_invite": None,
    "forwarded": False,
    "view_once": False,
    "gif": False,
    "poll": None,
    "reactions": [{"emoji": "👍", "sender": PERSON, "timestamp": LATER}],
    "receipts": None,
}
QUEUED = {**MESSAGE, "wa_id": None, "status": "queued", "reactions": []}
CHAT_ROW = {
    "id": 42,
    **CHAT,
    "name": "Ann",
    "phone_number": ANN,
    "unread": 0,
    "archived": False,
    "muted_until": None,
    "disappearing_seconds": 0,
    "last_message_at": NOON,
    "last_message": {
        "id": MESSAGE_ID,
        "direction": "out",
        "type": "text",
        "text": "Your parcel is here",
        "status": "delivered",
        "sender_name": "Example Ltd",
        "timestamp": NOON,
        "revoked_at": None,
    },
    "avatar_url": avatar_url(ANN_JID),
}
CONTACT = {
    **PERSON,
    "name": "Ann Smith",
    "full_name": "Ann Smith",
    "first_name": "Ann",
    "business_name": "",
    "avatar_url": avatar_url(ANN_JID),
    "updated_at": NOON,
}
GROUP = {
    "jid": GROUP_JID,
    "subject": "Deliveries",
    "description": "Who drives where",
    "owner": PERSON,
    "created_at": NOON,
    "announce": False,
    "locked": False,
    "approval": False,
    "expires_in": 0,
    "community": False,
    "parent_jid": None,
    "avatar_url": avatar_url(GROUP_JID),
    "participants": [{**PERSON, "admin": True, "superadmin": True}],
}
OUTCOMES = {"results": [{**PERSON, "ok": True, "code": 200, "error": None, "invite_code": None}]}
SHAPES: dict[str, Any] = {
    **NUMBERS,
    **HOOKS,
    "SendRequest": {"to": ANN, "type": "text", "text": "Your parcel is here"},
    "Message": MESSAGE,
    "MessagePage": page(MESSAGE),
    "ChatPage": page(CHAT_ROW),
    "Upload": {
        "id": UPLOAD_ID,
        "filename": "offer.pdf",
        "mime_type": "application/pdf",
        "size": 48_213,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "created_at": NOON,
        "expires_at": TOMORROW,
    },
    "Pacing": {
        "min_gap_ms": 1000,
        "new_chats_per_hour": 30,
        "typing": True,
        "typing_ms_per_character": 40,
        "typing_max_ms": 5000,
        "paused_until": None,
        "updated_at": NOON,
    },
    "PatchedPacingRequest": {"min_gap_ms": 1000, "typing": True},
    "Contact": CONTACT,
    "ContactPage": page(CONTACT),
    "CheckRequest": {"numbers": [ANN, BEN]},
    "PresenceRequest": {"state": "available"},
    "Presence": {"state": "available"},
    "TypingRequest": {"state": "typing"},
    "Typing": {"state": "typing"},
    "ReadMarkRequest": {"message_id": MESSAGE_ID},
    "Group": GROUP,
    "GroupList": page(GROUP),
    "NewGroupRequest": {"subject": "Deliveries", "participants": [ANN, BEN]},
    "PatchedGroupChangeRequest": {"subject": "News", "announce": True},
    "ParticipantsRequest": {"action": "promote", "participants": [BEN]},
    "DecisionRequest": {"action": "approve", "participants": [BEN]},
    "Outcomes": OUTCOMES,
    "Invite": {"link": "https://chat.whatsapp.com/AbCdEfGhIjKlMn"},
    "JoinRequest": {"link": "https://chat.whatsapp.com/AbCdEfGhIjKlMn"},
    "Joined": {"jid": GROUP_JID},
    "PictureRequest": {"base64": "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJ…"},
    "Picture": {"picture_id": "1758213412"},
    "JoinWishes": {"results": [{**PERSON, "requested_at": NOON}]},
}
