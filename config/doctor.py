"""What can be misconfigured on an installation, looked at one by one, with the way to mend it.

A check returns a Finding and never raises; the command runs all of them and prints a table.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from messaging.models import UnreadFact
from sessions_mgr import sandbox_gateway
from sessions_mgr.bus import carriers, streams
from sessions_mgr.bus.client import BusUnavailable, NoResponders
from sessions_mgr.models import Session
from sessions_mgr.states import Status

from . import policies

Level = Literal["ok", "warning", "problem"]
LOW_DISK = 2 * 2**30  # bytes
FILES_WANTED = 4096
LAG_WARNING = 1000  # facts that wait to be stored
SILENT_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    level: Level
    detail: str
    fix: str = ""


def python() -> Finding:
    version = platform.python_version()
    return Finding("python", "ok", f"{version} on {platform.platform(terse=True)}")


def data_dir() -> Finding:
    folder = Path(settings.DATA_DIR)
    if not os.access(folder, os.W_OK):
        return Finding(
            "data folder", "problem", f"{folder} is not writable", "chown it, or set DATA_DIR"
        )
    free = shutil.disk_usage(folder).free
    text = f"{folder}, {free / 2**30:.1f} GiB free"
    if free < LOW_DISK:
        return Finding("data folder", "warning", text, "make room: a full disk stops every number")
    return Finding("data folder", "ok", text)


def session_folders() -> Finding:
    root = Path(settings.SESSIONS_ROOT)
    if not root.exists():
        return Finding("session folders", "ok", "none yet")
    open_to_others = [
        path for path in [root, *root.glob("*/*")] if path.is_dir() and path.stat().st_mode & 0o077
    ]
    if open_to_others:
        return Finding(
            "session folders",
            "problem",
            f"{len(open_to_others)} can be read by other users, e.g. {open_to_others[0]}",
            f"chmod -R go-rwx {root}",
        )
    return Finding("session folders", "ok", f"{sum(1 for _ in root.glob('*/*'))}, private")


def secret_key() -> Finding:
    path = Path(settings.DATA_DIR) / "secret_key"
    if path.exists() and path.stat().st_mode & 0o077:
        return Finding(
            "secret key", "problem", f"{path} can be read by others", f"chmod 600 {path}"
        )
    return Finding("secret key", "ok", "private")


def database() -> Finding:
    kind = connection.vendor
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as exc:
        return Finding("database", "problem", f"{kind}: {exc}".strip(), "check DATABASE_URL")
    if waiting:
        return Finding(
            "database", "problem", f"{len(waiting)} migrations are missing", "manage.py migrate"
        )
    if kind == "sqlite" and not settings.SANDBOX:
        return Finding(
            "database",
            "warning",
            "SQLite serves one machine",
            "set DATABASE_URL to PostgreSQL when several machines share the work",
        )
    return Finding("database", "ok", kind)


def wall() -> Finding:
    """Row-level security: the second wall between tenants."""
    if connection.vendor != "postgresql":
        return Finding("tenant wall", "ok", "SQLite has none; queries name their workspace")
    try:
        role, held = policies.role(connection)
        missing = policies.missing(connection)
    except DatabaseError as exc:
        return Finding("tenant wall", "problem", str(exc), "see 'database'")
    if missing:
        return Finding(
            "tenant wall", "problem", f"no policy on {', '.join(missing)}", "manage.py migrate"
        )
    if not held:
        return Finding(
            "tenant wall",
            "warning",
            f"the role {role} passes it: superuser or BYPASSRLS",
            "connect as an ordinary role, see docs/security.md",
        )
    return Finding("tenant wall", "ok", f"row-level security holds the role {role}")


def bus() -> Finding:
    try:
        account = carriers.current().request("$JS.API.INFO", {}, timeout=2.0)
    except (BusUnavailable, NoResponders, TimeoutError) as exc:
        return Finding(
            "bus", "problem", str(exc), "start manage.py serve, or check NATS_URL, token, JetStream"
        )
    if "error" in account:
        return Finding("bus", "problem", str(account["error"]), "enable JetStream on the server")
    return Finding("bus", "ok", settings.NATS_URL or "our own nats-server, with JetStream")


def ingest() -> Finding:
    subject = f"$JS.API.CONSUMER.INFO.{streams.EVENTS}.{streams.INGEST}"
    try:
        info = carriers.current().request(subject, {}, timeout=2.0)
    except (BusUnavailable, NoResponders, TimeoutError) as exc:
        return Finding("pipeline", "problem", str(exc), "see 'bus'")
    if "error" in info:
        return Finding("pipeline", "problem", "nobody ever read the stream", "run_pipeline")
    waiting = int(info.get("num_pending", 0)) + int(info.get("num_ack_pending", 0))
    if not info.get("push_bound"):
        return Finding(
            "pipeline", "problem", f"does not run; {waiting} facts wait", "start run_pipeline"
        )
    if waiting > LAG_WARNING:
        return Finding(
            "pipeline", "warning", f"{waiting} facts wait", "look at its log and at the database"
        )
    return Finding("pipeline", "ok", f"reads the stream; {waiting} facts wait")


def node() -> Finding:
    try:
        answer = carriers.current().request(streams.NODES, {}, timeout=2.0)
    except (BusUnavailable, NoResponders, TimeoutError):
        return Finding("node", "problem", "no session node answers", "start manage.py run_node")
    return Finding("node", "ok", str(answer.get("node")))


def engine() -> Finding:
    """Loads the Go library in a process of its own: it must never come into this one."""
    try:
        ended = subprocess.run(
            [
                sys.executable,
                "-c",
                "from sessions_mgr.engines import neonize_library as n; n.load(print)",
            ],
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(
            "engine", "problem", "loading neonize takes over 30 s", "look at the machine"
        )
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding("engine", "problem", last, "reinstall requirements/base.txt")
    return Finding("engine", "ok", "neonize loads")


def network() -> Finding:
    if settings.SANDBOX:
        if not sandbox_gateway.is_up():
            return Finding("network", "problem", "the sandbox does not answer", "run_sandbox")
        return Finding("network", "ok", "sandbox: no number can reach WhatsApp")
    return Finding("network", "ok", "live: numbers talk to WhatsApp")


def address() -> Finding:
    public = settings.PUBLIC_URL
    if not settings.SANDBOX and not public.startswith("https://"):
        return Finding(
            "address",
            "warning",
            f"{public} is not https",
            "put a TLS proxy in front and set PUBLIC_URL=https://…",
        )
    return Finding("address", "ok", public)


def limits() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES_WANTED:
        return Finding(
            "open files",
            "warning",
            f"{soft} per process",
            f"raise it to {FILES_WANTED} or more (ulimit -n, LimitNOFILE=) for hundreds of numbers",
        )
    return Finding("open files", "ok", f"{soft} per process")


def unread() -> Finding:
    try:
        count = UnreadFact.objects.count()
    except DatabaseError as exc:
        return Finding("unread facts", "problem", str(exc), "see 'database'")
    if count:
        return Finding(
            "unread facts",
            "warning",
            f"{count} facts could not be stored",
            "look at messaging_unreadfact.problem; a newer version may read them",
        )
    return Finding("unread facts", "ok", "none")


def numbers() -> Finding:
    try:
        long_down = Session.objects.filter(
            status__in=(Status.RECONNECTING, Status.STARTING),
            status_since__lt=timezone.now() - SILENT_AFTER,
        ).count()
        failed = Session.objects.filter(
            status=Status.FAILED, account__deleted_at=None, desired="connected"
        ).count()
    except DatabaseError as exc:
        return Finding("numbers", "problem", str(exc), "see 'database'")
    if long_down or failed:
        return Finding(
            "numbers",
            "warning",
            f"{failed} failed, {long_down} on their way for over ten minutes",
            "each one's page says why and what to do",
        )
    return Finding("numbers", "ok", "none is stuck")


CHECKS: list[Callable[[], Finding]] = [
    python, data_dir, session_folders, secret_key, limits, database, wall, bus, ingest, node,
    engine, network, address, unread, numbers,
]  # fmt: skip


def examine() -> list[Finding]:
    return [check() for check in CHECKS]


def as_json(findings: list[Finding]) -> str:
    return json.dumps(
        [
            {"name": f.name, "level": f.level, "detail": f.detail, "fix": f.fix or None}
            for f in findings
        ]
    )
