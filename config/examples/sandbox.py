"""Bodies and answers of virtual phones: docs/sandbox.md says what each member means."""

from __future__ import annotations

from typing import Any

from .people import ACCOUNT_ID, ANN, ANN_JID, BEN, BEN_JID, GROUP_JID, NUMBER, US, WA_ID

AT = 1_767_614_400  # seconds since 1970
PHONE: dict[str, Any] = {
    "phone_number": ANN,
    "name": "Ann",
    "jid": ANN_JID,
    "lid": "90023481@lid",
    "online": True,
    "requires_passkey": False,
    "picture_id": None,
    "devices": [],
}
DEVICE = {"jid": "15550100100:1@s.whatsapp.net", "lid": "90011777:1@lid"}
GROUP: dict[str, Any] = {
    "jid": GROUP_JID,
    "subject": "Deliveries",
    "description": "",
    "owner": ANN,
    "created_at": AT,
    "announce": False,
    "locked": False,
    "approval": False,
    "add_mode": "all_member_add",
    "expiration": 0,
    "picture_id": None,
    "invite_code": "AbCdEfGhIjKlMn",
    "participants": [{"phone_number": ANN, "lid": "90023481@lid", "rank": "superadmin"}],
    "requests": [],
}
CALL = {
    "id": "C1",
    "from": ANN,
    "to": NUMBER,
    "video": False,
    "at": AT,
    "serial": 1,
    "state": "ringing",
    "rejected_by": None,
}
ENTRY = {
    "id": 7,
    "wa_id": WA_ID,
    "from": NUMBER,
    "to": ANN,
    "type": "text",
    "text": "Your parcel is here",
    "timestamp": AT,
    "from_me": False,
}
RECEIPT = {
    "id": 9,
    "wa_id": WA_ID,
    "type": "read",
    "from": US["jid"],
    "device": 1,
    "timestamp": AT,
}
TYPING = {"from": BEN, "kind": "chatstate", "state": "composing", "at": AT}
BOOK = {"results": [{"jid": BEN_JID, "full_name": "Ben Miller", "first_name": "Ben"}]}
CHATS = {"results": [{"jid": BEN_JID, "archived": True}]}
PAST = {"jid": BEN_JID, "name": "Ben", "unread": 0, "archived": False, "wa_ids": [WA_ID]}
SAID = {"from": BEN, "timestamp": AT, "type": "text", "text": "See you"}
DONE = {"results": [{"phone_number": BEN, "code": 200}]}
NETWORK = {
    "websocket_url": "wss://web.whatsapp.com/ws/chat",
    "proxy_url": "http://127.0.0.1:40123",
    "ca_pem": "-----BEGIN CERTIFICATE-----…",
    "noise_public_key": "5ad1…",
}
FAULT = {"kind": "drop", "account_id": ACCOUNT_ID}

SANDBOX: dict[str, dict[str, Any]] = {
    "sandbox_phones_retrieve": {"200": {"results": [PHONE]}},
    "sandbox_phones_create": {"request": {"phone_number": ANN, "name": "Ann"}, "201": PHONE},
    "sandbox_phones_scan_create": {"request": {"account_id": ACCOUNT_ID}, "200": DEVICE},
    "sandbox_phones_pair_create": {"request": {"code": "ABCD-EFGH"}, "200": DEVICE},
    "sandbox_phones_messages_create": {
        "request": {"to": NUMBER, "type": "text", "text": "Where is my parcel?"},
        "202": {"ids": [WA_ID]},
    },
    "sandbox_phones_inbox_retrieve": {"200": {"results": [ENTRY]}},
    "sandbox_phones_receipts_retrieve": {"200": {"results": [RECEIPT]}},
    "sandbox_phones_read_create": {"request": {"wa_id": WA_ID}, "200": {}},
    "sandbox_phones_history_retrieve": {"200": {"chats": [PAST]}},
    "sandbox_phones_history_create": {
        "request": {"chats": [{"with": BEN, "messages": [SAID]}]},
        "200": {"chats": [PAST]},
    },
    "sandbox_phones_history_sync_create": {
        "request": {"account_id": ACCOUNT_ID},
        "202": {"sent": {DEVICE["jid"]: [WA_ID]}},
    },
    "sandbox_phones_unlink_create": {"request": {"account_id": ACCOUNT_ID}},
    "sandbox_phones_picture_create": {"request": {"base64": None}},
    "sandbox_phones_groups_retrieve": {"200": {"results": [GROUP]}},
    "sandbox_phones_groups_create": {
        "request": {"subject": "Deliveries", "participants": [BEN]},
        "201": {**GROUP, "refused": []},
    },
    "sandbox_phones_blocked_retrieve": {"200": {"results": [NUMBER]}},
    "sandbox_phones_calls_retrieve": {"200": {"results": [CALL]}},
    "sandbox_phones_calls_create": {"request": {"to": NUMBER, "video": False}, "200": CALL},
    "sandbox_phones_calls_destroy": {"200": {**CALL, "state": "hung_up"}},
    "sandbox_phones_chats_retrieve": {"200": CHATS},
    "sandbox_phones_chats_create": {"request": {"chat": BEN, "archived": True}, "200": CHATS},
    "sandbox_phones_presence_retrieve": {"200": {"results": [TYPING]}},
    "sandbox_phones_presence_create": {
        "request": {"state": "composing", "to": BEN},
        "200": {"state": "composing"},
    },
    "sandbox_phones_contacts_retrieve": {"200": BOOK},
    "sandbox_phones_contacts_update": {
        "request": {"contacts": [{"phone_number": BEN, "full_name": "Ben Miller"}]},
        "200": BOOK,
    },
    "sandbox_phones_name_update": {"request": {"name": "Ann S."}, "200": PHONE},
    "sandbox_phones_reinstall_create": {"200": {"phone": PHONE, "unlinked": [DEVICE["jid"]]}},
    "sandbox_groups_list": {"200": {"results": [GROUP]}},
    "sandbox_groups_create": {
        "request": {"owner": ANN, "subject": "Deliveries", "participants": [BEN]},
        "201": {**GROUP, "refused": []},
    },
    "sandbox_groups_retrieve": {"200": GROUP},
    "sandbox_groups_join_create": {
        "request": {"by": BEN, "code": "AbCdEfGhIjKlMn"},
        "200": {"jid": GROUP_JID, "waits_for_approval": False},
    },
    "sandbox_groups_participants_create": {
        "request": {"by": ANN, "action": "add", "participants": [BEN]},
        "200": DONE,
    },
    "sandbox_groups_settings_create": {
        "request": {"by": ANN, "subject": "News", "announce": True},
        "200": {**GROUP, "subject": "News", "announce": True},
    },
    "sandbox_groups_invite_create": {
        "request": {"by": ANN, "reset": False},
        "200": {
            "code": "AbCdEfGhIjKlMn",
            "link": "https://chat.whatsapp.com/AbCdEfGhIjKlMn",
        },
    },
    "sandbox_groups_requests_create": {
        "request": {"by": ANN, "action": "approve", "participants": [BEN]},
        "200": DONE,
    },
    "sandbox_groups_leave_create": {"request": {"by": BEN}, "200": GROUP},
    "sandbox_groups_picture_create": {"request": {"by": ANN, "base64": None}, "200": GROUP},
    "sandbox_network_retrieve": {"200": NETWORK},
    "sandbox_faults_create": {"request": FAULT, "200": {"kind": "drop", "hit": [DEVICE["jid"]]}},
}
