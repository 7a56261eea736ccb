"""Facts of the stream become rows and events, once."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import pytest
from channels.db import database_sync_to_async as in_thread
from django.utils import timezone
from ulid import ULID

from events import batches
from events.models import Event
from messaging import ingest
from messaging.ingest import store_batch, store_entry
from messaging.models import Message, UnreadFact
from sessions_mgr import services
from sessions_mgr.engines import base
from sessions_mgr.models import Session
from tests import said
from tests.factories import AccountFactory, endpoint
from tests.life import LINKED, connected_account
from webhooks.models import Endpoint

pytestmark = pytest.mark.django_db

SENDER = base.Party(
    jid="15550009@s.whatsapp.net", lid="900055511@lid", phone_number="+15550009", push_name="Ann"
)


def entry(account, event, *, epoch=1, fact_id=None, **overrides):
    body = {
        "id": fact_id or str(ULID()),
        "account_id": str(account.pk),
        "workspace_id": str(account.workspace_id),
        "epoch": epoch,
        "at": time.time(),
        **event.to_wire(),
        **overrides,
    }
    return f"evt.{account.workspace_id}.{account.pk}", json.dumps(body).encode()


def message(wa_id="3A01", **fields):
    return base.MessageReceived(
        **{
            "wa_id": wa_id,
            "chat": SENDER,
            "sender": SENDER,
            "from_me": False,
            "timestamp": 1_790_000_000.0,
            "type": "text",
            "text": "hello",
            **fields,
        }
    )


def test_a_message_is_a_row_and_an_event_of_the_contracts_shape():
    account = connected_account()

    store_entry(*entry(account, message()))

    event = Event.objects.get(type="message")
    assert set(event.data) >= {
        "id",
        "wa_id",
        "direction",
        "chat",
        "sender",
        "type",
        "text",
        "media",
        "quoted",
        "mentions",
        "timestamp",
        "raw_type",
    }
    assert event.data["sender"] == {
        "jid": SENDER.jid,
        "lid": SENDER.lid,
        "phone_number": "+15550009",
        "push_name": "Ann",
    }
    assert (event.data["direction"], event.data["text"]) == ("in", "hello")
    assert Message.objects.get(account=account).wa_id == "3A01"


def test_the_same_fact_twice_is_stored_once():
    account = connected_account()
    twice = entry(account, message(), fact_id="01FACT")

    store_entry(*twice)
    store_entry(*twice)

    assert Event.objects.filter(type="message").count() == 1


def test_the_same_message_by_two_workers_is_stored_once():
    account = connected_account()

    store_entry(*entry(account, message(), epoch=1))
    store_entry(*entry(account, message(), epoch=2))

    assert Event.objects.filter(type="message").count() == 1


def test_a_late_message_of_an_old_worker_is_stored_and_its_status_is_not():
    account = connected_account()
    services.request_disconnect(account=account)

    store_entry(*entry(account, message(), epoch=1))
    store_entry(*entry(account, base.Connected(**LINKED), epoch=1))

    assert Message.objects.count() == 1
    assert Session.objects.get(pk=account.pk).status == "disconnected"


def test_a_message_of_a_deleted_account_is_stored():
    account = connected_account()
    services.delete_account(account=account)

    store_entry(*entry(account, message()))

    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"id": 1}',
        b"\xff\xfe",
        b'{"id":"a","workspace_id":"x","account_id":"y","epoch":1,"at":1,"kind":"z","data":{}}',
    ],
)
def test_what_cannot_be_read_is_parked_whole_and_loses_nothing(body):
    store_entry("evt.x.y", body)

    parked = UnreadFact.objects.get()
    assert bytes(parked.body) == body
    assert parked.problem


def test_a_fact_of_an_unknown_kind_is_parked_and_the_rest_of_the_batch_is_stored():
    account = connected_account()

    store_batch(
        [
            entry(account, message("1")),
            entry(account, message("2"), kind="from_the_future"),
            entry(account, message("3")),
        ]
    )

    assert set(Message.objects.values_list("wa_id", flat=True)) == {"1", "3"}
    assert "from_the_future" in UnreadFact.objects.get().problem


def test_a_fact_that_names_another_workspace_is_parked():
    account = AccountFactory()

    store_entry(*entry(account, message(), workspace_id=str(uuid.uuid4())))

    assert UnreadFact.objects.count() == 1
    assert Message.objects.count() == 0


def test_a_receipt_names_our_message():
    account = connected_account()
    store_entry(*entry(account, message("3A", from_me=True)))

    store_entry(
        *entry(
            account,
            base.ReceiptReceived(
                wa_ids=["3A"], status="read", chat=SENDER, sender=SENDER, timestamp=1_790_000_001.0
            ),
        )
    )

    ack = Event.objects.get(type="message.ack").data
    assert ack["message_id"] == str(Message.objects.get().pk)
    assert ack["status"] == "read"


def test_what_could_not_be_decrypted_is_told():
    account = connected_account()

    store_entry(
        *entry(
            account,
            base.Undecryptable(
                wa_id="3B",
                chat=SENDER,
                sender=SENDER,
                timestamp=1_790_000_000.0,
                detail="no session",
            ),
        )
    )

    assert Event.objects.get(type="message.undecryptable").data["wa_id"] == "3B"


def test_a_message_that_died_with_its_worker_is_told_as_a_gap_and_one_that_we_have_is_not():
    account = connected_account()
    store_entry(*entry(account, message("kept")))

    for wa_id in ("kept", "lost"):
        store_entry(
            *entry(
                account,
                base.Undecryptable(
                    wa_id=wa_id,
                    chat=SENDER,
                    sender=SENDER,
                    timestamp=1_790_000_000.0,
                    detail=base.SEEN_BEFORE,
                ),
            )
        )

    gaps = Event.objects.filter(type="message.gap")
    assert [gap.data["wa_id"] for gap in gaps] == ["lost"]


def test_seed_001_a_message_whose_sender_cannot_be_looked_up_arrives_by_its_push_name():
    """Seed 001: a failing contact lookup made the consumer drop the message."""
    account = connected_account()
    stranger = base.Party(jid="900055511@lid", lid="900055511@lid", push_name="Somebody")

    store_entry(*entry(account, message(chat=stranger, sender=stranger)))

    assert Event.objects.get(type="message").data["sender"]["push_name"] == "Somebody"


def test_a_batch_reads_the_account_anew_after_a_fact_that_changes_it():
    account = connected_account()
    codes = ["reachout_timelock", "new_chat_cap"]
    store_batch(
        [
            said.entry(account, said.message("3A01")),
            *(said.entry(account, base.Restricted(code=code)) for code in codes),
        ]
    )
    account.refresh_from_db()
    assert [restriction["code"] for restriction in account.restrictions] == codes


def test_what_a_batch_remembers_ends_with_it_and_with_a_fact_that_was_undone():
    account = connected_account()
    made = endpoint(account.workspace)
    store_batch([said.entry(account, said.message("3A01"))])
    Endpoint.objects.filter(pk=made.pk).update(disabled_at=timezone.now())
    store_batch([said.entry(account, said.message("3A02"))])
    assert made.deliveries.filter(type="message").count() == 1

    with batches.batch():
        assert batches.once("key", lambda: 1) == batches.once("key", lambda: 2) == 1
        batches.forget()
        assert batches.once("key", lambda: 2) == 2
    assert batches.once("key", lambda: 3) == 3


# Turns --------------------------------------------------------------------------------------------


def test_a_batch_ends_with_its_turn_and_says_how_far_it_came(monkeypatch):
    monkeypatch.setattr(ingest, "TURN", 0.0)
    account = connected_account()
    entries = [entry(account, message(f"3A0{n}")) for n in range(3)]
    assert store_batch(entries) == 1
    assert store_batch(entries[1:]) == 1
    assert set(Message.objects.values_list("wa_id", flat=True)) == {"3A00", "3A01"}


class Arrived:
    """A message of the bus."""

    def __init__(self, subject, data):
        self.subject, self.data = subject, data
        self.answers = []

    async def ack(self):
        self.answers.append("ack")

    async def nak(self):
        self.answers.append("nak")


@pytest.mark.django_db(transaction=True)
async def test_what_a_turn_left_comes_next_and_is_acknowledged_only_then(monkeypatch):
    monkeypatch.setattr(ingest, "TURN", 0.0)
    account = await in_thread(connected_account)()
    arrived = [Arrived(*entry(account, message(f"3A0{n}"))) for n in range(3)]
    it = ingest.Ingest(asyncio.Event())
    for one in arrived:
        await it._queue.put(one)

    for done in range(1, 4):
        await it._next_batch()
        assert [one.answers for one in arrived] == [["ack"]] * done + [[]] * (3 - done)

    told = await in_thread(lambda: list(Event.objects.filter(type="message").order_by("seq")))()
    assert [event.data["wa_id"] for event in told] == ["3A00", "3A01", "3A02"]
