"""`manage.py serve`: the whole product on one machine, in the foreground."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config.bootstrap import bootstrap
from config.launcher import Child, Launcher
from sessions_mgr.bus import server as nats

READY_DEADLINE = 30.0  # seconds per process


class Command(BaseCommand):
    help = "Migrate, then run nats, sandbox, pipeline, node and web as children until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-web", action="store_true", help="everything but the web process")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SANDBOX:  # a test installation talks to receivers on the same machine
            os.environ.setdefault("WEBHOOK_ALLOW_PRIVATE", "1")
            os.environ.setdefault("OUTBOUND_MEDIA_ALLOW_PRIVATE", "1")
        self._check_port()
        self._prepare_folders()
        call_command("migrate", interactive=False, verbosity=0)
        first = bootstrap()
        connection.close()
        launcher = Launcher([])
        ready = all(self._start(launcher, name) for name in self._names(options["no_web"]))
        if ready:
            if first:
                print(first.block(settings.PUBLIC_URL), flush=True)
            else:
                print(f"Switchboard is ready at {settings.PUBLIC_URL}", flush=True)
            launcher.watch()
        elif not launcher.stopping:
            name = launcher.children[-1].name
            launcher.stop()
            raise CommandError(f"{name} did not start; its log lines are above", returncode=1)
        clean = launcher.stop()
        sys.exit(0 if clean else 1)

    def _names(self, no_web: bool) -> list[str]:
        names = []
        if not settings.NATS_URL:
            names.append("nats")
        if settings.SANDBOX:
            names.append("sandbox")
        names += ["pipeline", "node"]
        return names if no_web else [*names, "web"]

    def _start(self, launcher: Launcher, name: str) -> bool:
        children = {
            "nats": Child("nats", lambda: nats.prepare(settings.NATS_DIR)),
            "sandbox": Child("sandbox", lambda: _manage("run_sandbox")),
            "pipeline": Child("pipeline", lambda: _manage("run_pipeline")),
            "node": Child("node", lambda: _manage("run_node"), patience=7.5, at_once=True),
            "web": Child("web", lambda: _manage("run_web"), patience=5.0, at_once=True),
        }
        checks = {"nats": nats.greets, "sandbox": _sandbox_listens, "web": _web_answers}
        child = children[name]
        launcher.children.append(child)
        return launcher.start(child, checks.get(name, lambda: True), READY_DEADLINE)

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.HOST, settings.PORT))
            except OSError as exc:
                if exc.errno == errno.EADDRINUSE:
                    problem = "is in use by another program; set PORT to a free one"
                else:
                    problem = f"cannot be listened on: {exc.strerror}"
                raise CommandError(
                    f"PORT {settings.PORT} on {settings.HOST} {problem}", returncode=2
                ) from None

    def _prepare_folders(self) -> None:
        for folder in (settings.DATA_DIR, settings.SESSIONS_ROOT, settings.STATIC_ROOT):
            try:
                Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
                if not os.access(folder, os.W_OK):
                    raise PermissionError(errno.EACCES, "Permission denied")
            except OSError as exc:
                raise CommandError(
                    f"DATA_DIR is not valid: {folder} is not writable ({exc.strerror})",
                    returncode=2,
                ) from None


def _manage(command: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), command]


def _sandbox_listens() -> bool:
    try:
        known = json.loads((settings.SANDBOX_DIR / "network.json").read_text())
        return bool(
            httpx.get(
                known["control_url"].rstrip("/") + "/health",
                headers={"Authorization": f"Bearer {known['control_token']}"},
                timeout=1.0,
                trust_env=False,
            ).is_success
        )
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        return False


def _web_answers() -> bool:
    host = "127.0.0.1" if settings.HOST in ("0.0.0.0", "::") else settings.HOST  # noqa: S104
    try:
        return httpx.get(
            f"http://{host}:{settings.PORT}/health/ready", timeout=2.0, trust_env=False
        ).is_success
    except httpx.HTTPError:
        return False
