"""Numbers, the people of a workspace, its keys, its log."""

from __future__ import annotations

from typing import Any

from .people import ACCOUNT_ID, HOST, LATER, NOON, NUMBER, TOMORROW, US

ACCOUNT: dict[str, Any] = {
    "id": ACCOUNT_ID,
    "label": "Sales",
    "status": "connected",
    "desired": "connected",
    "reason": None,
    "phone_number": NUMBER,
    "jid": US["jid"],
    "lid": US["lid"],
    "push_name": US["push_name"],
    "connected_at": NOON,
    "disconnected_at": None,
    "restrictions": [],
    "metadata": {"team": "sales"},
    "created_at": NOON,
    "updated_at": NOON,
}
KEY = {
    "id": "2d0e8f4b-6a71-4c39-9d58-c7b0e1f3a962",
    "name": "Shop",
    "prefix": "Qm3xV8pZ",
    "scopes": ["read", "send"],
    "accounts": [ACCOUNT_ID],
    "expires_at": None,
    "created_at": NOON,
    "created_by": "user:ann@example.com",
    "last_used_at": LATER,
    "rotated_at": None,
    "old_secret_until": None,
    "revoked": False,
}
NEW_KEY = {**KEY, "last_used_at": None, "key": "Qm3xV8pZ.8h2K…"}
INVITATION = {
    "id": "c85a1d3f-07be-42f9-b6c4-5e9d2a71f830",
    "role": "operator",
    "email": "ben@example.com",
    "invited_by": "user:ann@example.com",
    "created_at": NOON,
    "expires_at": "2026-01-12T12:00:00Z",
}
SETTINGS = {
    "event_retention_days": None,
    "message_retention_days": 90,
    "media_retention_days": 30,
    "fetch_avatars": True,
    "pacing_min_gap_ms": 1_500,
    "pacing_new_chats_per_hour": 40,
    "notice_email": "ops@example.com",
    "notice_language": "pt-br",
}
NUMBERS: dict[str, Any] = {
    "AccountRequest": {"label": "Sales", "metadata": {"team": "sales"}},
    "PatchedAccountRequest": {"label": "Sales, north"},
    "Account": ACCOUNT,
    "Disconnected": {
        **ACCOUNT,
        "status": "disconnected",
        "desired": "disconnected",
        "phone_number": None,
        "jid": None,
        "lid": None,
        "disconnected_at": LATER,
        "already_disconnected": False,
    },
    "Qr": {
        "code": "2@Nq8cQv…,kd0pL…,7wBzX…,m4Yt…",
        "svg": '<svg xmlns="http://www.w3.org/2000/svg" …</svg>',
        "expires_at": LATER,
        "attempt": 1,
    },
    "PairingCodeRequest": {"phone_number": NUMBER},
    "PairingCode": {"code": "ABCD-EFGH", "expires_at": LATER},
    "StatusChange": {
        "at": NOON,
        "from": "reconnecting",
        "to": "connected",
        "reason": None,
        "epoch": 7,
    },
    "Health": {
        "process_alive": True,
        "socket_alive": True,
        "logged_in": True,
        "last_seen_at": NOON,
        "rss_bytes": 61_341_696,
        "rss_history": [[120, 60_817_408], [60, 61_079_552], [0, 61_341_696]],
        "restarts": 0,
        "worker_pid": 4711,
        "node": "node-1",
        "engine": "neonize",
        "capabilities": {
            "strict_ack": False,
            "fixed_message_id": False,
            "history_on_demand": False,
            "passkey": False,
            "media_retry": False,
            "group_requests": False,
            "poll_votes": True,
        },
        "epoch": 7,
    },
    "ApiKeyRequest": {"name": "Shop", "scopes": ["read", "send"], "accounts": [ACCOUNT_ID]},
    "PatchedKeyChangeRequest": {"name": "Shop, reading", "scopes": ["read"]},
    "ApiKey": KEY,
    "NewApiKey": NEW_KEY,
    "KeyRotationRequest": {"overlap_hours": 24},
    "Member": {
        "id": "91f7c2e4-3b5d-4a08-8e16-d0c9b7a5f243",
        "email": "ann@example.com",
        "name": "Ann",
        "role": "owner",
        "joined_at": NOON,
    },
    "PatchedMemberRequest": {"role": "operator"},
    "Invitation": INVITATION,
    "InvitationRequest": {"role": "operator", "email": "ben@example.com"},
    "NewInvitation": {**INVITATION, "url": f"{HOST}/join/hT5…"},
    "AuditEntry": {
        "id": 1024,
        "at": NOON,
        "actor": "key:Qm3xV8pZ",
        "action": "account.connect",
        "target": f"account:{ACCOUNT_ID}",
        "detail": {"label": "Sales"},
        "ip": "203.0.113.7",
        "user_agent": "switchboard-client/1",
        "request_id": "01KAN5ZJ6M3B",
    },
    "Workspace": {
        "id": "4a9d0b7c-e2f1-4836-9c5a-17f8d3e6b029",
        "name": "Example Ltd",
        "created_at": NOON,
        "settings": SETTINGS,
        "usage": {
            "numbers": {"limit": 10, "used": 3},
            "messages_per_day": {"limit": 5_000, "used": 412},
            "media_bytes": {"limit": None, "used": 73_400_320},
            "api_requests_per_minute": {"limit": None, "used": 0},
        },
    },
    "PatchedWorkspaceChangeRequest": {
        "settings": {"message_retention_days": 90, "notice_email": "ops@example.com"}
    },
    "Ticket": {"ticket": "t8Jq2…", "expires_at": TOMORROW},
}
