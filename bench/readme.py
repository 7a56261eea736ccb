"""The README's table of figures, made from the newest full results file. A test compares them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- figures -->\n", "<!-- /figures -->"
WORDS = {
    "qr_latency": "click on connect → QR visible in the browser, p50",
    "memory_per_session": "memory of a connected number (PSS of the whole tree, less the base)",
    "memory_base": "memory of everything with no number",
    "recover_after_kill": "`kill -9` of a worker → number connected again, p95",
    "recover_others_changed": "… status changes that other numbers saw",
    "chaos_loss": "messages lost while 50 workers, 5 nodes, 5 pipelines and 2 buses were killed "
    "and PostgreSQL restarted twice",
    "chaos_loss_untold": "… of these not told as lost",
    "chaos_duplicates": "… messages that are twice in the log",
    "chaos_sends_lost": "… messages of the app that neither arrived nor say why",
    "chaos_sends_doubled": "… messages of the app that arrived twice",
    "chaos_two_workers": "… moments at which a number had two workers",
    "chaos_not_connected": "… numbers that were not connected afterwards",
    "chaos_unexplained": "… restarts without a reason in the timeline",
    "inbound_webhook_latency": "a phone sends → the signed webhook is received, p50, 20 a second",
    "inbound_throughput": "messages a second from one phone to one webhook, none lost or doubled",
    "send_accept_latency": "an app posts a message → accepted for good, p99, 20 a second",
    "ws_fanout": "an event is committed → the frame is there, 200 sockets, 50 events a second, p50",
    "api_requests": "requests a second that eight apps read at once (lists of 50, one web process)",
    "restore_100": "`kill -9` of the node → 100 numbers connected again",
}


def newest() -> dict[str, Any]:
    files = sorted(
        p
        for p in (ROOT / "bench/results").glob("*.json")
        if p.name[0].isdigit() and "quick" not in p.name
    )
    report: dict[str, Any] = json.loads(files[-1].read_text())
    return report


def table(report: dict[str, Any]) -> str:
    rows = ["| what | measured | budget |", "|---|---|---|"]
    rows += [
        f"| {WORDS.get(r['name'], r['name'])} | {_figure(r['value'], r['unit'])} | {_budget(r)} |"
        for r in report["results"]
    ]
    return "\n".join(rows) + "\n"


def _figure(value: float, unit: str) -> str:
    """As people read it: three digits, milliseconds below a second."""
    if unit == "s" and value < 1:
        return f"{value * 1000:.3g} ms"
    number = f"{value:g}" if value == int(value) else f"{value:.3g}"
    return number if unit == "count" else f"{number} {unit}".replace(" /", "/")


def _budget(result: dict[str, Any]) -> str:
    if result["budget"] == 0:
        return "0"
    sign = "≥" if result["unit"] == "/s" else "≤"
    return f"{sign} {_figure(result['budget'], result['unit'])}"


def with_figures(text: str, report: dict[str, Any]) -> str:
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + table(report) + END + tail


def update() -> None:
    path = ROOT / "README.md"
    path.write_text(with_figures(path.read_text(), newest()))
