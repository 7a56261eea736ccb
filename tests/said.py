"""What people say, as facts, and a stream that brings them: `hear(account, text(...))`."""

from __future__ import annotations

import json
import time

from ulid import ULID

from events.models import Event
from messaging.ingest import store_entry
from messaging.models import UnreadFact
from sessions_mgr.engines import base

NOON = 1_790_000_000.0  # seconds
ANN = base.Party("15550009@s.whatsapp.net", "900055511@lid", "+15550009", "Ann")
BOB = base.Party("15550008@s.whatsapp.net", "900055508@lid", "+15550008", "Bob")
US = base.Party("15550001@s.whatsapp.net", "91000555@lid", "+15550001", "Demo")
GROUP = base.Party("120363000000000001@g.us", type="group")


def entry(account, fact, *, epoch=1, fact_id=None, **overrides):
    body = {
        "id": fact_id or str(ULID()),
        "account_id": str(account.pk),
        "workspace_id": str(account.workspace_id),
        "epoch": epoch,
        "at": time.time(),
        **fact.to_wire(),
        **overrides,
    }
    return f"evt.{account.workspace_id}.{account.pk}", json.dumps(body).encode()


def hear(account, *facts):
    """Ingest the facts, each under an id of its own, in this order. All of them can be stored."""
    for fact in facts:
        store_entry(*entry(account, fact))
    assert not UnreadFact.objects.exists(), UnreadFact.objects.first().problem


def told(account, kind):
    """The data of all events of a type, oldest first."""
    events = Event.objects.filter(account_id=account.pk, type=kind).order_by("seq")
    return [event.data for event in events]


def _fact(kind, **fields):
    defaults = {"wa_id": "3A01", "chat": ANN, "sender": ANN, "from_me": False, "timestamp": NOON}
    return kind(**{**defaults, **fields})


def message(wa_id="3A01", **fields):
    return _fact(base.MessageReceived, wa_id=wa_id, **{"type": "text", "text": "hello", **fields})


def ours(wa_id="3A01", **fields):
    """A message that we wrote on the phone."""
    return message(wa_id, sender=US, from_me=True, **fields)


def reaction(emoji="👍", **fields):
    return _fact(
        base.ReactionReceived,
        **{"wa_id": "R1", "target_wa_id": "3A01", "timestamp": NOON + 1, "emoji": emoji, **fields},
    )


def edit(text="better", **fields):
    return _fact(
        base.MessageEdited,
        **{"wa_id": "E1", "target_wa_id": "3A01", "timestamp": NOON + 2, "text": text, **fields},
    )


def revoke(**fields):
    return _fact(
        base.MessageRevoked,
        **{"wa_id": "V1", "target_wa_id": "3A01", "timestamp": NOON + 3, **fields},
    )


def vote(*hashes, **fields):
    return _fact(
        base.PollVoted,
        **{
            "wa_id": "P1",
            "target_wa_id": "3A01",
            "timestamp": NOON + 4,
            "option_hashes": list(hashes),
            **fields,
        },
    )


def receipt(status="read", *wa_ids, **fields):
    return base.ReceiptReceived(
        **{
            "wa_ids": list(wa_ids or ["3A01"]),
            "status": status,
            "chat": ANN,
            "sender": ANN,
            "timestamp": NOON + 5,
            **fields,
        }
    )


def undecryptable(wa_id="3A01", **fields):
    return base.Undecryptable(
        **{"wa_id": wa_id, "chat": ANN, "sender": ANN, "timestamp": NOON, **fields}
    )


def file(**fields):
    return base.MediaRef(
        **{"locator": "bG9j", "mime_type": "image/jpeg", "size": 5, "filename": "", **fields}
    )
