"""From the virtual phone's "send" until the signed webhook has been received, 20 messages a second.

The time counts from the call that makes the phone encrypt and send, so the simulator's own work
is part of it.
"""

from __future__ import annotations

import time
from pathlib import Path

from .measure import Result, latency
from .receiving import pace, receiving

RATE = 20.0  # messages per second
BUDGETS = {50: 0.06, 99: 0.3}  # seconds


def run(folder: Path, quick: bool) -> list[Result]:
    count = 100 if quick else 600
    sent: dict[str, float] = {}
    with receiving(folder) as it:
        for n in pace(RATE, count):
            text = f"message {n}"
            sent[text] = time.time()
            it.send(text)
        it.receiver.wait(count, within=30)
        arrived = it.arrivals()
    seconds = [arrived[text] - at for text, at in sent.items()]
    return [latency("inbound_webhook_latency", seconds, budgets=BUDGETS)]
