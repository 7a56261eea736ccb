"""An hour of ordinary traffic: memory, threads and descriptors of every process must stay flat.

    python -m bench.soak [--minutes 60]        `make soak`

Samples are taken every SAMPLE seconds. The first quarter is warm-up; the last quarter is compared
with the second. Writes bench/results/soak-<date>.json; exit code 1 when something grew.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

import psutil

from sandbox.client import SandboxNetwork
from tests.product import Product

from .chaos_traffic import App
from .memory_per_session import BASE_NUMBER, link_many

NUMBERS = 5
SAMPLE = 15.0  # seconds
SENDER = BASE_NUMBER + 30_000
RATE = 4.0  # messages per second to each number
GROWTH = {"pss_mib": 0.10, "threads": 0.10, "descriptors": 0.10}  # share of the second quarter
SLACK = {"pss_mib": 8.0, "threads": 3.0, "descriptors": 6.0}  # what a small process may gain
KINDS = ("run_web", "run_pipeline", "run_node", "sessions_mgr.worker.zygote", "nats-server")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory(prefix="switchboard-soak-") as folder:
        series = _soak(Path(folder), seconds=minutes * 60)
    rows = [_judge(kind, what, values) for (kind, what), values in sorted(series.items())]
    for row in rows:
        print(
            f"{row['process']:28}{row['what']:12}{row['before']:>9} -> {row['after']:>9}  "
            f"{'flat' if row['ok'] else 'GROWS'}"
        )
    now = datetime.now(UTC)
    path = Path(__file__).parent / "results" / f"soak-{now:%Y-%m-%d}.json"
    report = {"date": now.isoformat(timespec="seconds"), "minutes": minutes, "results": rows}
    path.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


def _soak(folder: Path, *, seconds: float) -> dict[tuple[str, str], list[float]]:
    """(kind of process, what): the sums over all processes of that kind, one per sample."""
    series: dict[tuple[str, str], list[float]] = defaultdict(list)
    product = Product(folder)
    try:
        product.start()
        accounts = link_many(product, NUMBERS)
        network = SandboxNetwork.from_directory(Path(product.environment["DATA_DIR"]) / "sandbox")
        app = App(product, network, accounts)
        for n in range(NUMBERS):
            network.create_phone(f"+{SENDER + n}")
        app.start()
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            _talk(network, min(SAMPLE, left))
            for key, value in _look(product).items():
                series[key].append(value)
            time.sleep(min(SAMPLE, max(0.0, until - time.monotonic())))
        app.stop()
        network.close()
    finally:
        product.stop()
    return series


def _talk(network: SandboxNetwork, seconds: float) -> None:
    """Every number gets RATE messages a second for so long; returns at once."""
    for n in range(NUMBERS):
        count = max(1, int(RATE * seconds))
        network.send_text(
            f"+{SENDER + n}", f"+{BASE_NUMBER + n}", "soak {n}", count=count, rate=RATE
        )


def _look(product: Product) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = defaultdict(float)
    for process in product.processes():
        with suppress(psutil.Error):
            command = " ".join(process.cmdline())
            kind = next((kind for kind in KINDS if kind in command), None)
            if kind is not None:
                found[kind, "pss_mib"] += process.memory_full_info().pss / 2**20
                found[kind, "threads"] += process.num_threads()
                found[kind, "descriptors"] += process.num_fds()
    return found


def _judge(kind: str, what: str, values: list[float]) -> dict[str, object]:
    quarter = max(1, len(values) // 4)
    before, after = mean(values[quarter : 2 * quarter] or values), mean(values[-quarter:])
    allowed = max(before * GROWTH[what], SLACK[what])
    return {
        "process": kind,
        "what": what,
        "before": round(before, 1),
        "after": round(after, 1),
        "samples": len(values),
        "ok": after - before <= allowed,
    }


if __name__ == "__main__":
    sys.exit(main())
