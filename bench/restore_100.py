"""The node is killed and started again: until all of 100 paired numbers are connected."""

from __future__ import annotations

import time
from pathlib import Path

from tests.product import Product, eventually

from .measure import Result
from .memory_per_session import link_many

BUDGET = 40.0  # seconds


def run(folder: Path, quick: bool) -> list[Result]:
    count = 10 if quick else 100
    product = Product(folder)
    try:
        product.start()
        accounts = link_many(product, count)
        epochs = {a: product.health(a)["epoch"] for a in accounts}
        began = time.perf_counter()
        product.child("run_node").kill()
        waiting = set(accounts)

        def all_back() -> bool:
            listed: list[dict[str, object]] = []
            page = "/accounts?limit=200"
            listed = product.call("GET", page)["results"]
            back = {a["id"] for a in listed if a["status"] == "connected"}
            for account in list(waiting & back):
                if (product.health(account)["epoch"] or 0) > epochs[account]:
                    waiting.discard(account)
            return not waiting

        eventually(all_back, within=180, what="all are connected again")
        seconds = time.perf_counter() - began
    finally:
        product.stop()
    return [
        Result(
            "restore_100",
            round(seconds, 2),
            "s",
            count,
            None,
            None,
            None,
            BUDGET,
            seconds <= BUDGET,
        )
    ]
