"""Eight apps read the API at once: how many requests a second are answered, and how fast.

The mix is that of a list of conversations: accounts, one account, chats, the messages of a chat,
events after a cursor. Each app has one kept connection and asks again as soon as it has its answer.
Every answer is read whole and must hold what was put in. The value is requests per second, with
the apps on the same processors; the percentiles are of single requests.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from sandbox.client import SandboxNetwork
from tests.product import API_KEY, Product, eventually

from .measure import Result, percentile

APPS = 8
PER_SECOND = 80.0  # requests, at least: what eight keys may ask for by the default API_RATE
NUMBER, FRIENDS = "+15550500001", ["+15550500002", "+15550500003"]
MESSAGES = 50  # of each friend, as many as a page has


def run(folder: Path, quick: bool) -> list[Result]:
    product = Product(folder)
    try:
        product.start()
        account = product.new_account()
        product.link(account, product.phone(NUMBER))
        _fill(product, folder, account)
        _ask(product, account, 10)
        count = 60 if quick else 500
        began = time.perf_counter()
        with ThreadPoolExecutor(APPS) as apps:
            results = [apps.submit(_ask, product, account, count) for _ in range(APPS)]
            spent = [seconds for result in results for seconds in result.result()]
        rate = len(spent) / (time.perf_counter() - began)
    finally:
        product.stop()
    return [
        Result(
            name="api_requests",
            value=round(rate, 1),
            unit="/s",
            n=len(spent),
            p50=round(percentile(spent, 50), 4),
            p95=round(percentile(spent, 95), 4),
            p99=round(percentile(spent, 99), 4),
            budget=PER_SECOND,
            ok=rate >= PER_SECOND,
        )
    ]


def _fill(product: Product, folder: Path, account: str) -> None:
    with SandboxNetwork.from_directory(folder / "var" / "sandbox") as network:
        for friend in FRIENDS:
            product.phone(friend)
            network.send_text(friend, NUMBER, "message {n}", count=MESSAGES, rate=50)
    eventually(
        lambda: len(_rows(product, account)) == MESSAGES * len(FRIENDS),
        within=60,
        what="all messages are stored",
    )


def _rows(product: Product, account: str) -> list[object]:
    page = product.call("GET", f"/accounts/{account}/messages?direction=in&limit=200")
    rows: list[object] = page["results"]
    return rows


def _ask(product: Product, account: str, count: int) -> list[float]:
    """Seconds that each of `count` requests took."""
    chat = quote(FRIENDS[0])
    mix = [
        ("/accounts", 1),
        (f"/accounts/{account}", None),
        (f"/accounts/{account}/chats", len(FRIENDS)),
        (f"/accounts/{account}/chats/{chat}/messages", MESSAGES),
        ("/events?after=0&types=message&limit=50", MESSAGES),
    ]
    spent: list[float] = []
    line = HTTPConnection("127.0.0.1", product.port, timeout=30)
    try:
        for path, rows in islice(mix * (count // len(mix) + 1), count):
            began = time.perf_counter()
            line.request("GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {API_KEY}"})
            answer = line.getresponse()
            body = answer.read()
            spent.append(time.perf_counter() - began)
            assert answer.status == 200, f"{path}: {answer.status} {body[:200]!r}"
            found = json.loads(body)
            assert rows is None or len(found["results"]) == rows, f"{path}: rows are missing"
    finally:
        line.close()
    return spent
