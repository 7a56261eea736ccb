"""A running product with a connected number, a phone that writes to it, and a receiver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from standardwebhooks import Webhook

from sandbox.client import SandboxNetwork
from tests.product import Product
from tests.receiver import Receiver

NUMBER, SENDER = "+15550300001", "+15550300002"


@dataclass
class Receiving:
    product: Product
    network: SandboxNetwork
    receiver: Receiver
    secret: str

    def send(self, text: str, *, count: int = 1, rate: float | None = None) -> list[str]:
        return self.network.send_text(SENDER, NUMBER, text, count=count, rate=rate)

    def arrivals(self) -> dict[str, float]:
        """When each text was first received, from requests whose signature is right."""
        found: dict[str, float] = {}
        judge = Webhook(self.secret)
        for request in list(self.receiver.received):
            judge.verify(request.body, request.headers)
            found.setdefault(request.event["data"].get("text", ""), request.at)
        return found


@contextmanager
def receiving(folder: Path) -> Iterator[Receiving]:
    product = Product(folder)
    try:
        product.start()
        account = product.new_account()
        product.link(account, product.phone(NUMBER))
        product.phone(SENDER, name="Ann")
        with (
            Receiver() as receiver,
            SandboxNetwork.from_directory(folder / "var" / "sandbox") as network,
        ):
            made = product.call(
                "POST", "/webhooks", json={"url": receiver.url, "types": ["message"]}
            )
            ready = Receiving(product, network, receiver, made["secret"])
            ready.send("warm-up {n}", count=20, rate=20)
            receiver.wait(20, within=30)
            receiver.received.clear()
            yield ready
    finally:
        product.stop()


def pace(rate: float, count: int) -> Iterator[int]:
    """0, 1, 2 … at `rate` per second; late ones follow at once."""
    began = time.monotonic()
    for n in range(count):
        time.sleep(max(0.0, began + n / rate - time.monotonic()))
        yield n
