"""Memory of a connected number: PSS of the whole tree, minus the tree without any number."""

from __future__ import annotations

from pathlib import Path

import psutil

from tests.product import Product, eventually

from .measure import Result

BUDGET = 30.0  # MiB
BASE_NUMBER = 15_560_000


def run(folder: Path, quick: bool) -> list[Result]:
    count = 5 if quick else 50
    product = Product(folder)
    try:
        product.start()
        base = tree_pss(product)
        accounts = link_many(product, count)
        eventually(lambda: _all_connected(product, accounts), within=60)
        loaded = tree_pss(product)
        workers = [product.health(a)["worker_pid"] for a in accounts]
        alone = [psutil.Process(pid).memory_full_info().pss / 2**20 for pid in workers]
    finally:
        product.stop()
    each = (loaded - base) / count
    return [
        Result(
            "memory_per_session",
            round(each, 2),
            "MiB",
            count,
            round(sorted(alone)[count // 2], 2),
            None,
            None,
            BUDGET,
            each <= BUDGET,
        ),
        Result("memory_base", round(base, 1), "MiB", 1, None, None, None, 600.0, base <= 600.0),
    ]


def tree_pss(product: Product) -> float:
    """MiB of every process of the product but the test network and its phones."""
    sandbox = product.child("sandbox").pid
    total = 0
    for process in product.processes():
        if process.pid != sandbox:
            total += process.memory_full_info().pss
    return total / 2**20


def link_many(product: Product, count: int) -> list[str]:
    accounts = []
    for n in range(count):
        account = product.new_account(f"n{n}")
        product.link(account, product.phone(f"+{BASE_NUMBER + n}"))
        accounts.append(account)
    return accounts


def _all_connected(product: Product, accounts: list[str]) -> bool:
    return all(product.account(a)["status"] == "connected" for a in accounts)
