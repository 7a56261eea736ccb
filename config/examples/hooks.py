"""Events and webhooks."""

from __future__ import annotations

from typing import Any

from .people import ACCOUNT_ID, CHAT, LATER, MESSAGE_ID, NOON, PERSON, TOMORROW, WA_ID, WEBHOOK_ID

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  Standard Webhooks' own example
EVENT_ID = "evt_01KAN5ZJ6M3B9T2V7W8X4Y5Z6A"
EVENT: dict[str, Any] = {
    "id": EVENT_ID,
    "seq": 41,
    "type": "message.ack",
    "account_id": ACCOUNT_ID,
    "occurred_at": NOON,
    "recorded_at": NOON,
    "data": {
        "message_id": MESSAGE_ID,
        "wa_id": WA_ID,
        "status": "delivered",
        "chat": CHAT,
        "sender": PERSON,
    },
}
ENDPOINT: dict[str, Any] = {
    "id": WEBHOOK_ID,
    "url": "https://shop.example.com/hooks/whatsapp",
    "description": "Shop",
    "types": ["message", "message.ack"],
    "accounts": None,
    "ignore_chats": {"groups": True, "broadcast": False, "jids": []},
    "headers": {"Authorization": "********"},
    "order": "account",
    "concurrency": 10,
    "status": "active",
    "disabled_at": None,
    "disabled_reason": None,
    "failures": 0,
    "failing_since": None,
    "next_attempt_at": None,
    "last_success_at": NOON,
    "last_failure_at": None,
    "last_error": "",
    "pending": 0,
    "previous_secret_until": None,
    "created_at": NOON,
    "updated_at": NOON,
}
DELIVERY: dict[str, Any] = {
    "id": "5c0f9e81-b6d4-4e27-a3f5-82d7c1b0e694",
    "endpoint_id": WEBHOOK_ID,
    "event_id": EVENT_ID,
    "seq": 41,
    "type": "message.ack",
    "account_id": ACCOUNT_ID,
    "status": "delivered",
    "next_attempt_at": None,
    "created_at": NOON,
    "finished_at": LATER,
    "attempts": [
        {
            "at": NOON,
            "ok": True,
            "status_code": 200,
            "duration_ms": 84,
            "error": "",
            "answer": "ok",
            "probe": False,
        }
    ],
}
HOOKS: dict[str, Any] = {
    "EventPage": {"results": [EVENT], "next_after": 41},
    "NewEndpointRequest": {
        "url": "https://shop.example.com/hooks/whatsapp",
        "types": ["message", "message.ack"],
        "description": "Shop",
    },
    "PatchedEndpointRequest": {"types": ["message"], "concurrency": 5},
    "Endpoint": ENDPOINT,
    "MadeEndpoint": {**ENDPOINT, "last_success_at": None, "secret": SECRET},
    "RotationRequest": {"overlap_hours": 24},
    "Rotated": {"secret": SECRET, "previous_secret_until": TOMORROW},
    "Delivery": DELIVERY,
    "ReplayRequest": {"after_seq": 40, "types": ["message"]},
    "Preview": {"count": 12},
    "Replay": {
        "id": "f2a6d8c0-1e94-4b73-95d7-6c3b0a8e4f12",
        "criteria": {"after_seq": 40, "types": ["message"]},
        "total": 12,
        "queued": 12,
        "pending": 2,
        "delivered": 10,
        "dead": 0,
        "done": False,
        "created_at": NOON,
    },
}
