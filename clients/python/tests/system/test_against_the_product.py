"""The client and the real product: a phone is linked, texts go both ways, a webhook is verified."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from switchboard_client import Conflict, Invalid, NotAuthenticated, NotFound, Switchboard, verify

from tests.product import API_KEY, eventually
from tests.receiver import Receiver

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def client(product):
    with Switchboard(product.url, API_KEY) as made:
        yield made


@pytest.fixture
def linked(client, number):
    """A connected number, and the phone of somebody else."""
    account = client.accounts.create(label="Client", metadata={"made": "by the client"})
    client.sandbox.create_phone(number, name="Us")
    client.accounts.connect(account.id)
    assert client.accounts.qr(account.id, wait=20).code
    client.sandbox.scan(number, account_id=account.id)
    eventually(
        lambda: client.accounts.get(account.id).status == "connected",
        within=20,
        what="the number is connected",
    )
    friend = f"+{int(number[1:]) + 70_000}"
    client.sandbox.create_phone(friend, name="Ann")
    return client.accounts.get(account.id), friend


def statuses_told(events: Iterator, of: Future, into: queue.Queue) -> None:
    """Read a feed in a thread until the message `of` is delivered: its statuses are in the queue.

    Others of this file send, too, and a receipt that overtakes its send names no message yet."""

    def read() -> None:
        for event in events:
            if event.data["message_id"] == of.result(60):
                into.put(event.data["status"])
                if event.data["status"] == "delivered":
                    events.close()

    threading.Thread(target=read, daemon=True).start()


def test_a_send_arrives_at_the_phone_once_and_is_told_by_every_feed(client, linked):
    account, friend = linked
    begin = client.events.page(account=account.id, limit=500).next_after
    wanted = {"after": begin, "types": ["message.ack"], "account": account.id}
    by_stream, by_poll, ours = queue.Queue(), queue.Queue(), Future()
    statuses_told(client.events.stream(**wanted), ours, by_stream)
    statuses_told(client.events.follow(**wanted), ours, by_poll)

    sent = client.messages.send(
        account.id, idempotency_key="order-1", to=friend, type="text", text="hello"
    )
    ours.set_result(str(sent.id))
    again = client.messages.send(
        account.id, idempotency_key="order-1", to=friend, type="text", text="hello"
    )

    assert again.id == sent.id
    eventually(
        lambda: (
            [m["text"] for m in client.sandbox.inbox(friend) if m["text"] == "hello"] == ["hello"]
        ),
        what="the phone has it, once",
    )
    for told in (by_stream, by_poll):
        assert [told.get(timeout=60) for _ in range(3)] == ["sending", "sent", "delivered"]
    assert client.messages.get(sent.id).status == "delivered"
    assert [m.id for m in client.messages.list(account.id, direction="out", limit=1)] == [sent.id]


def test_a_file_goes_out_and_one_comes_in(client, linked, number):
    account, friend = linked
    upload = client.messages.upload(b"%PDF-1.4 an offer", filename="offer.pdf")
    client.messages.send(
        account.id, to=friend, type="document", media={"upload_id": str(upload.id)}
    )
    # Others of this file talk with the same phone, in any order.
    arrived = eventually(
        lambda: [m for m in client.sandbox.inbox(friend) if m.get("media")],
        what="the phone has the document",
    )
    assert arrived[0]["media"]["filename"] == "offer.pdf"

    client.sandbox.send(
        friend,
        to=number,
        type="document",
        media={"base64": "JVBERi0xLjQgYmFjaw==", "mime_type": "application/pdf"},
    )
    incoming = eventually(
        lambda: next(
            (m for m in client.messages.list(account.id, direction="in") if m.type == "document"),
            None,
        ),
        what="it is here",
    )
    assert incoming.media is not None
    file = io.BytesIO()
    assert client.messages.download(incoming.media.id, file, wait=20) == "application/pdf"
    assert file.getvalue() == b"%PDF-1.4 back"


def test_pages_chats_and_contacts_are_typed(client, linked, number):
    account, friend = linked
    for n in range(5):
        client.sandbox.send(friend, to=number, type="text", text=f"{n}")
    eventually(
        lambda: len(list(client.messages.list(account.id, limit=2))) == 5,
        what="all five are here, over three pages",
    )
    chat = next(client.chats.list(account.id))
    assert (chat.unread, chat.phone_number) == (5, friend)
    assert client.chats.read(account.id, chat.jid).unread == 0
    assert friend in {one.phone_number for one in client.contacts.list(account.id)}
    assert client.contacts.check(account.id, [friend]).results[0].registered
    assert client.accounts.health(account.id).logged_in
    assert "connected" in {change.to for change in client.accounts.timeline(account.id)}


def test_a_webhook_is_verified(client, linked):
    account, friend = linked
    with Receiver() as receiver:
        made = client.webhooks.create(
            url=receiver.url, types=["message.ack"], accounts=[str(account.id)]
        )
        sent = client.messages.send(account.id, to=friend, type="text", text="signed")
        receiver.wait(1, within=20)
        request = receiver.received[0]
        event = verify(made.secret, request.body, request.headers)
        assert event.data["message_id"] == str(sent.id)
        eventually(
            lambda: any(
                d.status == "delivered" for d in client.webhooks.deliveries(made.id, limit=1)
            ),
            what="the delivery is known as delivered",
        )
        client.webhooks.delete(made.id)
    with pytest.raises(NotFound):
        client.webhooks.get(made.id)


def test_refusals_are_typed(client, product):
    with pytest.raises(NotFound) as missing:
        client.accounts.get(NOBODY)
    assert missing.value.code == "not_found"
    assert missing.value.type == f"{product.url}/api/problems#not_found"
    account = client.accounts.create(label="Idle")
    with pytest.raises(Conflict) as idle:
        client.accounts.qr(account.id)
    assert idle.value.code == "no_qr"
    assert idle.value.extra["account_status"] == "disconnected"
    with pytest.raises(Invalid) as wrong:
        client.messages.send(account.id, to="Ann", type="text", text="x")
    assert (wrong.value.code, list(wrong.value.errors)) == ("invalid_recipient", ["to"])
    client.accounts.delete(account.id)
    with Switchboard(product.url, "wrong") as stranger, pytest.raises(NotAuthenticated):
        stranger.workspace.get()
