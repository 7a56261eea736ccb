"""Finds out what became of a send that a crash cut short, by the secret that marks the message.

whatsmeow writes the secret under the message's id before it sends (send.go: PutMessageSecret). So
a secret that is there gives the id of a message that may have been sent; a secret that is not there
belongs to a message that did not get that far. In the worker's process only before the engine runs:
two SQLite libraries in one process would take away each other's locks on the file. Later the
question goes through a process of its own: `python -m … FILE`, secrets in hex on standard input.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

PROJECT = Path(__file__).resolve().parents[2]
ASK_SECONDS = 10.0
_QUERY = "SELECT message_id FROM whatsmeow_message_secrets WHERE key = ?"


def ids_by_secret(store: Path, secrets: Sequence[bytes]) -> dict[bytes, str] | None:
    """{secret: message id} of those that were found, or None when the store cannot tell."""
    if not store.is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(store, timeout=5.0)) as db:
            rows = {secret: db.execute(_QUERY, (secret,)).fetchone() for secret in secrets}
    except sqlite3.Error as exc:
        logger.warning("the store does not say what was sent: %s", exc)
        return None
    return {secret: str(row[0]) for secret, row in rows.items() if row}


def id_while_running(store: Path, secret: bytes) -> str:
    """The id of a message, asked while the engine has the store open; "" when it is not known."""
    try:
        asked = subprocess.run(
            [sys.executable, "-m", __name__, str(store)],
            cwd=PROJECT,
            input=secret.hex().encode(),
            capture_output=True,
            timeout=ASK_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        logger.warning("the store could not be asked for a message: %r", exc)
        return ""
    return asked.stdout.decode().strip()


def main() -> int:
    secret = bytes.fromhex(sys.stdin.read().strip())
    found = ids_by_secret(Path(sys.argv[1]), [secret]) or {}
    sys.stdout.write(found.get(secret, ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
