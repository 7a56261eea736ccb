"""From POST /messages to the inbox of a virtual phone, and what a killed worker leaves behind."""

from __future__ import annotations

import base64
import io
import os
import signal
import time

import pytest
from PIL import Image

from tests.product import eventually

ENDS = ("sent", "delivered", "read", "played", "failed", "unknown")


@pytest.fixture
def linked(product, number):
    """A connected account, and the phone of somebody else."""
    account = product.new_account("Sender")
    product.phone(number)
    product.link(account, number)
    friend = f"+{int(number[1:]) + 5_000}"
    product.phone(friend)
    return account, friend


def send(product, account, key=None, **body):
    headers = {"Idempotency-Key": key} if key else {}
    return product.call("POST", f"/accounts/{account}/messages", json=body, headers=headers)


def message(product, sent):
    return product.call("GET", f"/messages/{sent['id']}")


def ended(product, sent, within=30):
    def look():
        shown = message(product, sent)
        return shown if shown["status"] in ENDS else None

    return eventually(look, within=within, what="the message comes to an end")


def texts(product, phone):
    inbox = product.call("GET", f"/sandbox/phones/{phone}/inbox")
    entries = inbox["messages"] if isinstance(inbox, dict) and "messages" in inbox else inbox
    entries = entries.get("results", entries) if isinstance(entries, dict) else entries
    return [entry.get("text") for entry in entries]


def test_a_text_reaches_the_phone_once_and_its_status_comes_back(product, linked):
    account, friend = linked
    sent = send(product, account, key="k1", to=friend, type="text", text="hello")
    assert sent["status"] == "queued"
    again = send(product, account, key="k1", to=friend, type="text", text="hello")
    assert again["id"] == sent["id"]

    eventually(lambda: texts(product, friend) == ["hello"], what="the phone has it")
    shown = ended(product, sent)
    assert shown["wa_id"]
    assert shown["error"] is None
    eventually(
        lambda: message(product, sent)["status"] in ("delivered", "read"),
        what="the receipt has come",
    )
    events = product.call("GET", f"/events?account={account}&types=message&limit=100")["results"]
    assert [e["data"]["id"] for e in events] == [sent["id"]]


def test_a_number_that_is_not_on_whatsapp_fails(product, linked):
    account, _friend = linked
    shown = ended(product, send(product, account, to="+19995550000", type="text", text="x"))
    assert (shown["status"], shown["error"]["code"]) == ("failed", "not_on_whatsapp")


def test_an_image_reaches_the_phone(product, linked):
    account, friend = linked
    out = io.BytesIO()
    Image.new("RGB", (640, 480), 90).save(out, "JPEG")
    data = base64.b64encode(out.getvalue()).decode()
    sent = send(
        product, account, to=friend, type="image", media={"base64": data}, caption="the sea"
    )
    assert ended(product, sent)["status"] in ("sent", "delivered")
    eventually(lambda: texts(product, friend) == ["the sea"], what="the phone has it")


def test_what_we_send_disappears_as_the_chat_does(product, linked):
    account, friend = linked
    path = f"/sandbox/phones/{friend}/messages"
    ours = product.account(account)["phone_number"]
    out = io.BytesIO()
    Image.new("RGB", (64, 48), 90).save(out, "JPEG")
    picture = {"base64": base64.b64encode(out.getvalue()).decode()}

    def timers_after(seconds):
        timer = {"to": ours, "type": "timer", "timer": {"seconds": seconds}}
        product.call("POST", path, json=timer)
        told = f"/accounts/{account}/chats?limit=1"

        def known():
            chats = product.call("GET", told)["results"]
            return chats and chats[0]["disappearing_seconds"] == seconds

        eventually(known, what="the timer is known")
        sent = [
            send(product, account, to=friend, type="text", text=f"for {seconds} s"),
            send(product, account, to=friend, type="image", media=picture, caption="look"),
        ]
        shown = [ended(product, one) for one in sent]
        ids = {one["wa_id"] for one in shown}

        def arrived():
            entries = product.call("GET", f"/sandbox/phones/{friend}/inbox")["results"]
            found = [entry for entry in entries if entry["wa_id"] in ids]
            return found if len(found) == len(ids) else None

        heard = eventually(arrived, what="the phone has both")
        return [one["expires_in"] for one in shown], [e.get("expires_in") for e in heard], heard

    shown, heard, entries = timers_after(604_800)
    assert shown == heard == [604_800, 604_800]
    assert all(abs(entry["expires_since"] - time.time()) < 60 for entry in entries)
    assert timers_after(0)[:2] == ([None, None], [None, None])


def test_messages_wait_for_the_connection_in_their_order(product, linked):
    account, friend = linked
    product.call("POST", f"/accounts/{account}/disconnect")
    sent = [send(product, account, to=friend, type="text", text=f"{n}") for n in range(5)]
    assert {message(product, one)["status"] for one in sent} == {"queued"}
    product.call("POST", f"/accounts/{account}/connect")
    eventually(lambda: len(texts(product, friend)) == 5, within=30, what="the phone has all")
    assert texts(product, friend) == [f"{n}" for n in range(5)]


def test_killed_workers_never_make_a_message_arrive_twice(product, linked):
    account, friend = linked
    sent = []
    for kill in range(3):
        sent += [
            send(product, account, to=friend, type="text", text=f"{kill}-{n}") for n in range(8)
        ]
        time.sleep(0.05 * kill)  # where in the middle differs from round to round
        pid = product.health(account)["worker_pid"]
        if pid:
            os.kill(pid, signal.SIGKILL)
    ends = [ended(product, one, within=90) for one in sent]
    assert {end["status"] for end in ends} <= {"sent", "delivered", "read", "unknown"}
    arrived = texts(product, friend)
    assert len(arrived) == len(set(arrived)), "a message arrived twice"
    for end in ends:
        if end["status"] != "unknown":
            assert end["text"] in arrived
