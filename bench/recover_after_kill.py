"""kill -9 of a worker until its number is connected again; other numbers must not notice."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from tests.product import Product, eventually

from .measure import Result, latency
from .memory_per_session import link_many

BUDGETS = {95: 3.0}  # seconds


def run(folder: Path, quick: bool) -> list[Result]:
    product = Product(folder)
    try:
        product.start()
        # Each number is killed once: a second crash within a minute rests longer, on purpose.
        bystander, *victims = link_many(product, 7 if quick else 31)
        quiet = len(product.timeline(bystander))
        seconds = [_once(product, victim) for victim in victims]
        noticed = len(product.timeline(bystander)) - quiet
    finally:
        product.stop()
    return [
        latency("recover_after_kill", seconds, budgets=BUDGETS),
        Result("recover_others_changed", noticed, "count", 1, None, None, None, 0, noticed == 0),
    ]


def _once(product: Product, account: str) -> float:
    known = product.health(account)
    began = time.perf_counter()
    psutil.Process(known["worker_pid"]).kill()
    eventually(
        lambda: (
            product.account(account)["status"] == "connected"
            and product.health(account)["epoch"] > known["epoch"]
        ),
        within=60,
    )
    return time.perf_counter() - began
