"""160 messages a second from a phone to one webhook: all of them stored and delivered, in order.

The value is the rate at which signed webhooks arrived between the first and the last; it counts
only when nothing is missing and no event came under two ids.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from .measure import Result, percentile
from .receiving import receiving

RATE = 160.0  # messages per second that are sent; more than the budget, as pacing costs some
BUDGET = 150.0  # at least


def run(folder: Path, quick: bool) -> list[Result]:
    count = 600 if quick else 4500
    with receiving(folder) as it:
        it.send("message {n}", count=count, rate=RATE)
        it.receiver.wait(count, within=count / RATE * 3 + 30)
        arrived = it.arrivals()
        received = list(it.receiver.received)
    ids = {request.headers["webhook-id"] for request in received}
    whole = len(arrived) == len(ids) == count
    times = sorted(arrived.values())
    rate = (count - 1) / (times[-1] - times[0])
    gaps = [b - a for a, b in pairwise(times)]
    return [
        Result(
            name="inbound_throughput",
            value=round(rate, 1),
            unit="/s",
            n=len(ids),
            p50=round(percentile(gaps, 50), 4),
            p95=round(percentile(gaps, 95), 4),
            p99=round(percentile(gaps, 99), 4),
            budget=BUDGET,
            ok=whole and rate >= BUDGET,
        )
    ]
