"""`python -m bench [--quick] [names…]`: a table on stdout, a file in bench/results/."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil

from . import (
    api_requests,
    chaos,
    inbound_throughput,
    inbound_webhook_latency,
    memory_per_session,
    qr_latency,
    readme,
    recover_after_kill,
    restore_100,
    send_accept_latency,
    ws_fanout,
)
from .measure import Result

BENCHMARKS: dict[str, Callable[[Path, bool], list[Result]]] = {
    "qr_latency": qr_latency.run,
    "memory_per_session": memory_per_session.run,
    "recover_after_kill": recover_after_kill.run,
    "restore_100": restore_100.run,
    "chaos": chaos.run,
    "inbound_webhook_latency": inbound_webhook_latency.run,
    "inbound_throughput": inbound_throughput.run,
    "send_accept_latency": send_accept_latency.run,
    "ws_fanout": ws_fanout.run,
    "api_requests": api_requests.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="small numbers, under a minute")
    parser.add_argument("--no-file", action="store_true", help="only print")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no benchmark '{sorted(unknown)[0]}'; there are {', '.join(BENCHMARKS)}")
    names = options.names or (["qr_latency", "recover_after_kill"] if options.quick else BENCHMARKS)
    results: list[Result] = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
            results += BENCHMARKS[name](Path(folder), options.quick)
    _print(results)
    if not options.no_file:
        print(f"written to {_write(results, options.quick)}")
        if not options.quick:
            readme.update()
    return 0 if all(result.ok for result in results) else 1


def _print(results: list[Result]) -> None:
    head = [f"{'name':28}{'value':>10} {'unit':5}"]
    head += [f"{word:>9}" for word in ("budget", "p50", "p95", "p99")]
    print("".join(head) + f"{'n':>6}  ok")
    for r in results:
        cells = "".join(f"{'' if v is None else f'{v:.3f}':>9}" for v in (r.p50, r.p95, r.p99))
        print(
            f"{r.name:28}{r.value:>10.3f} {r.unit:5}{r.budget:>9g}{cells}{r.n:>6}  "
            f"{'yes' if r.ok else 'NO'}"
        )


def _write(results: list[Result], quick: bool) -> Path:
    now = datetime.now(UTC)
    path = Path(__file__).parent / "results" / f"{now:%Y-%m-%d}{'-quick' if quick else ''}.json"
    known = {r.name: r.as_json() for r in results}
    if path.exists():  # a run of some benchmarks renews theirs
        known = {r["name"]: r for r in json.loads(path.read_text())["results"]} | known
    report = {
        "date": now.isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "system": platform.platform(terse=True),
            "python": platform.python_version(),
        },
        "results": list(known.values()),
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    return path.relative_to(Path.cwd())


if __name__ == "__main__":
    sys.exit(main())
