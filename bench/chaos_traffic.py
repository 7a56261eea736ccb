"""What is said while everything is killed: phones write to the numbers, apps write to phones."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx

from sandbox.client import SandboxNetwork
from tests.product import Product

from .memory_per_session import BASE_NUMBER

RATE_IN = 50  # messages per second over all numbers
RATE_OUT = 10
REST = 0.3  # seconds before an app tries again what was not accepted
CLIENTS = 8
GIVE_UP = 60.0  # seconds
REACHED = {"sent", "delivered", "read", "played"}
ENDED = REACHED | {"failed", "unknown", "cancelled"}


def write_to_numbers(
    network: SandboxNetwork, accounts: list[str], *, seconds: float
) -> dict[str, str]:
    """One virtual sender per number, all together RATE_IN messages a second.

    The ids of the messages to come, each with the account that is to get it.
    """
    to_come: dict[str, str] = {}
    rate = RATE_IN / len(accounts)
    for n, account in enumerate(accounts):
        sender = f"+{BASE_NUMBER + 10_000 + n}"
        network.create_phone(sender, name=f"Sender {n}")
        answer: Any = network.send_text(
            sender, f"+{BASE_NUMBER + n}", "chaos {n}", count=int(seconds * rate), rate=rate
        )
        to_come |= dict.fromkeys(answer, account)
    return to_come


class App(threading.Thread):
    """Posts RATE_OUT messages a second until it is stopped, as an app does that must not lose one:
    what was not accepted is posted again with the same Idempotency-Key."""

    def __init__(self, product: Product, network: SandboxNetwork, accounts: list[str]) -> None:
        super().__init__(name="app", daemon=True)
        self.product, self.network, self.accounts = product, network, accounts
        self.accepted: dict[str, tuple[str, str]] = {}  # id: (account, text)
        self.given_up = 0
        self._over = threading.Event()
        for n in range(len(self.accounts)):
            self.network.create_phone(self.friend(n), name=f"Friend {n}")

    @staticmethod
    def friend(n: int) -> str:
        return f"+{BASE_NUMBER + 20_000 + n}"

    def run(self) -> None:
        began, n = time.monotonic(), 0
        with ThreadPoolExecutor(CLIENTS, thread_name_prefix="app") as pool:
            while not self._over.wait(max(0.0, began + n / RATE_OUT - time.monotonic())):
                pool.submit(self._post, n)
                n += 1

    def stop(self) -> None:
        self._over.set()
        self.join(GIVE_UP + 5)

    def _post(self, n: int) -> None:
        which = n % len(self.accounts)
        body = {"to": self.friend(which), "type": "text", "text": f"from the app {n}"}
        until = time.monotonic() + GIVE_UP
        while time.monotonic() < until:
            with suppress(httpx.HTTPError):
                answer = self.product.api.post(
                    f"/accounts/{self.accounts[which]}/messages",
                    json=body,
                    headers={"Idempotency-Key": f"chaos-{n}"},
                )
                if answer.is_success:
                    self.accepted[answer.json()["id"]] = (self.accounts[which], body["text"])
                    return
            time.sleep(REST)
        self.given_up += 1

    # Afterwards -----------------------------------------------------------------------------------

    def statuses(self) -> Counter[str]:
        """How many of the accepted messages are where."""
        return Counter(status for status, _ in self._ends().values())

    def settled(self) -> bool:
        ends = self._ends()
        return len(ends) == len(self.accepted) and all(s in ENDED for s, _ in ends.values())

    def verdict(self) -> tuple[int, int, Counter[str]]:
        """(lost, doubled, statuses): what is called sent and no phone has, or was accepted and has
        no end with a reason; what a phone has more than once."""
        had: Counter[str] = Counter()
        for n in range(len(self.accounts)):
            after = 0
            while page := self.network.inbox(self.friend(n), after=after):
                had.update(entry["text"] for entry in page)
                after = page[-1]["id"]
        ends = self._ends()
        lost = 0
        for message_id, (_, text) in self.accepted.items():
            status, error = ends.get(message_id, ("missing", None))
            if status in REACHED:
                lost += not had[text]
            elif status in ("failed", "unknown"):
                lost += not error
            else:
                lost += 1
        doubled = sum(times - 1 for times in had.values())
        return lost, doubled, Counter(status for status, _ in ends.values())

    def _ends(self) -> dict[str, tuple[str, Any]]:
        found: dict[str, tuple[str, Any]] = {}
        for account in self.accounts:
            path: str | None = f"/accounts/{account}/messages?direction=out&limit=200"
            while path:
                page = self.product.call("GET", path)
                for one in page["results"]:
                    if one["id"] in self.accepted:
                        found[one["id"]] = (one["status"], one["error"])
                path = page["next"].partition("/api/v1")[2] if page["next"] else None
        return found
