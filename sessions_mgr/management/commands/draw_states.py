"""`manage.py draw_states`: docs/states.md, drawn from the table of transitions."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from sessions_mgr.states import SIGNALS, TRANSITIONS, Signal, Status

MEANINGS = {
    Status.DISCONNECTED: "nobody wants it connected; nothing runs",
    Status.STARTING: "a worker is being started or is opening its store",
    Status.QR_SCANNING: "a QR code or pairing code waits for the phone",
    Status.PAIRING: "scanned; keys are being exchanged, first sync",
    Status.CONNECTED: "logged in, socket alive",
    Status.RECONNECTING: "has credentials, the line is down, expected back by itself",
    Status.LOGGED_OUT: "the link was ended; a person must connect again with a new code",
    Status.FAILED: "gave up; the reason says why and what helps",
}
FROM_EVERYWHERE = (Signal.DISCONNECT, Signal.RESTART)  # drawn once, not as a bush of arrows


class Command(BaseCommand):
    help = "Write docs/states.md anew."

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "states.md"
        path.write_text(page())
        print(f"written: {path.relative_to(settings.BASE_DIR)}")


def page() -> str:
    lines = [
        "# States of a session",
        "",
        "Drawn from `sessions_mgr/states.py` by `manage.py draw_states`; a test compares.",
        "Not drawn, as they work from everywhere: *disconnect requested* leads to `disconnected`,",
        "*restart requested* to `starting`. A signal that a status has no row for changes nothing.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> disconnected",
    ]
    arrows: dict[tuple[Status, Status], list[str]] = defaultdict(list)
    for before, row in TRANSITIONS.items():
        for signal, after in row.items():
            if signal not in FROM_EVERYWHERE and before != after:
                arrows[before, after].append(signal.value)
    lines += [f"    {a} --> {b}: {', '.join(why)}" for (a, b), why in arrows.items()]
    lines += ["```", "", "| status | means |", "|---|---|"]
    lines += [f"| `{status}` | {meaning} |" for status, meaning in MEANINGS.items()]
    lines += ["", "| fact of a worker | signal | reason |", "|---|---|---|"]
    lines += [
        f"| {fact.__name__} | {signal.value} | {f'`{reason}`' if reason else ''} |"
        for fact, (signal, reason) in SIGNALS.items()
    ]
    return "\n".join(lines) + "\n"
