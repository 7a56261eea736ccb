"""Who and what the examples are about, so that they tell one story."""

from __future__ import annotations

HOST = "https://wa.example.com"
ACCOUNT_ID = "6f1c0a52-5d3e-4c86-9f2b-0d7f6b1f2a10"
MESSAGE_ID = "0d5c7f3e-91b2-4f6d-8a0e-2b9c4d1e7f55"
MEDIA_ID = "77aa1c94-3a7d-4d6e-b1f5-5e0c9a8b7d21"
WEBHOOK_ID = "b3d9e7c2-4f10-4a57-8c6e-91d2a5f0e834"
UPLOAD_ID = "e41b8a06-7c2d-49f3-a5b8-30d6c9e2f147"
WA_ID = "3EB0C767D097B7C7A8F1"
NOON, LATER, TOMORROW = "2026-01-05T12:00:00Z", "2026-01-05T12:00:04Z", "2026-01-06T12:00:00Z"

NUMBER, ANN, BEN = "+15550100100", "+15550100200", "+15550100201"
ANN_JID, BEN_JID = "15550100200@s.whatsapp.net", "15550100201@s.whatsapp.net"
GROUP_JID = "120363041234567890@g.us"
PERSON = {"jid": ANN_JID, "lid": "90023481@lid", "phone_number": ANN, "push_name": "Ann"}
US = {
    "jid": "15550100100@s.whatsapp.net",
    "lid": "90011777@lid",
    "phone_number": NUMBER,
    "push_name": "Example Ltd",
}
CHAT = {"jid": ANN_JID, "lid": "90023481@lid", "type": "user"}


def avatar_url(jid: str) -> str:
    return f"{HOST}/api/v1/accounts/{ACCOUNT_ID}/contacts/{jid}/avatar"
