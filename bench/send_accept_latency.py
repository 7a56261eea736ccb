"""POST /messages until its 202, which says that the message is durable, at 20 requests a second.

Each time counts from the moment when the request was due, so a slow one also costs those that it
holds up. The messages are really sent meanwhile, over the real engine to a virtual phone; how long
that took is printed, and every one must have arrived.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from tests.product import Product, eventually

from .measure import Result, latency, percentile
from .receiving import pace

RATE = 20.0  # messages per second
BUDGETS = {99: 0.06}  # seconds
CLIENTS = 8
NUMBER, FRIEND = "+15550400001", "+15550400002"


def run(folder: Path, quick: bool) -> list[Result]:
    product = Product(folder)
    try:
        product.start()
        account = product.new_account()
        product.link(account, product.phone(NUMBER))
        product.phone(FRIEND)
        _send(product, account, 20)
        accepted = _send(product, account, 100 if quick else 600)
        eventually(lambda: not _waiting(product, account), within=60, what="all have arrived")
        _print_ways(product, account)
    finally:
        product.stop()
    return [latency("send_accept_latency", accepted, budgets=BUDGETS)]


def _send(product: Product, account: str, count: int) -> list[float]:
    """Seconds from when each request was due until it was answered."""

    def post(n: int, due: float) -> float:
        body = {"to": FRIEND, "type": "text", "text": f"message {n}"}
        product.call("POST", f"/accounts/{account}/messages", json=body)
        return time.perf_counter() - due

    with ThreadPoolExecutor(CLIENTS) as pool:
        results = [pool.submit(post, n, time.perf_counter()) for n in pace(RATE, count)]
        return [result.result() for result in results]


def _waiting(product: Product, account: str) -> list[str]:
    query = f"/accounts/{account}/messages?direction=out&status=queued,sending,unknown,failed"
    return [one["id"] for one in product.call("GET", query)["results"]]


def _print_ways(product: Product, account: str) -> None:
    """From accepted to taken by WhatsApp, as the events tell it."""
    after, began, spent = 0, {}, []
    while True:
        page = product.call("GET", f"/events?after={after}&limit=200&types=message.ack")
        for event in page["results"]:
            message_id = event["data"]["message_id"]
            if event["data"]["status"] == "sending":
                began[message_id] = event["recorded_at"]
            elif event["data"]["status"] == "sent" and message_id in began:
                spent.append(_seconds(event["recorded_at"]) - _seconds(began[message_id]))
        if page["next_after"] == after or not page["results"]:
            break
        after = page["next_after"]
    if spent:
        print(
            f"asked for until taken by WhatsApp: p50 {percentile(spent, 50):.3f} s, "
            f"p99 {percentile(spent, 99):.3f} s, {len(spent)} messages"
        )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
