"""`manage.py drain_node [NAME]`: move a node's numbers to others, and wait until it is empty."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sessions_mgr.bus import carriers, streams
from sessions_mgr.bus.client import BusUnavailable, NoResponders

LOOK = 0.5  # seconds between two questions
PATIENCE = 5.0  # seconds that a node may not answer


class Command(BaseCommand):
    help = (
        "Makes a node stop its numbers, a few at a time, for other nodes to take. "
        "Exit code 0: it is empty. A clean restart of the node, or --undo, ends the drain."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", default=settings.NODE_NAME, help="NODE_NAME of it")
        parser.add_argument("--timeout", type=float, default=600.0, help="seconds to wait")
        parser.add_argument("--undo", action="store_true", help="let it take numbers again")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        try:
            if options["undo"]:
                self._ask(name, "undrain")
                print(f"{name} takes numbers again")
                return
            self._drain(name, time.monotonic() + options["timeout"])
        finally:
            carriers.close()

    def _drain(self, name: str, until: float) -> None:
        shown = ""
        answer = self._ask(name, "drain")
        if not answer["takers"]:
            print(
                "no other node can use the credentials of this one: its numbers stay offline "
                "until it is back (drain_node --undo)",
                flush=True,
            )
        while True:
            line = f"{name}: {answer['workers']} workers, {answer['owned']} numbers left"
            if line != shown:
                print(line, flush=True)
                shown = line
            if answer["draining"] and not answer["workers"] and not answer["owned"]:
                print(f"{name} is empty", flush=True)
                return
            if time.monotonic() > until:
                raise CommandError(f"{name} is not empty in time; it drains on", returncode=1)
            time.sleep(LOOK)
            # Asked again, not only looked at: a node that crashed meanwhile is told anew.
            answer = self._ask(name, "drain")

    def _ask(self, name: str, verb: str) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                subject = streams.node_subject(name, verb)
                return carriers.current().request(subject, {}, timeout=2.0)
            except (NoResponders, BusUnavailable, TimeoutError) as exc:
                if time.monotonic() > until:
                    why = "is not running" if isinstance(exc, NoResponders) else f"is silent: {exc}"
                    raise CommandError(f"node {name} {why}", returncode=1) from None
            time.sleep(0.2)
