"""Where credentials are: in a folder per number, or in a database that all nodes reach.

`local`: whatsmeow's SQLite file in the session's folder (stores.py). `postgres`: its tables in one
schema of PostgreSQL, one device per account, chosen by its JID. Lock, spool and log are in the
folder either way.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from uuid import UUID

import psycopg
from psycopg import sql

from .lines import about
from .stores import Stores

logger = logging.getLogger(__name__)

MARK = ".store-id"  # a file in SESSIONS_ROOT; nodes that read the same one share the folder
SCHEMA = "engine"
PREPARE_SECONDS = 60.0
_PREPARING = 0x5377_626F  # advisory lock: one node at a time makes or upgrades the tables


class StoreUnavailable(Exception):
    """The place of the credentials cannot be used. The text says what is wrong."""


class Credentials(Protocol):
    """What the node needs of either place."""

    def identity(self) -> str:
        """Nodes with the same one can use each other's credentials."""
        ...

    def prepare(self) -> None:
        """Raises StoreUnavailable."""
        ...

    def present(self, workspace: UUID, account: UUID, jid: str) -> bool: ...

    def for_worker(self, workspace: UUID, account: UUID, jid: str) -> dict[str, Any]:
        """What WorkerConfig needs to find them."""
        ...

    def set_aside(self, workspace: UUID, account: UUID, reason: str) -> None: ...

    def forget(self, workspace: UUID, account: UUID, jid: str) -> None: ...


@dataclass(frozen=True, slots=True)
class InFolders:
    folders: Stores

    def identity(self) -> str:
        mark = self.folders.root / MARK
        try:
            with mark.open("x") as file:  # the first node writes it
                file.write(uuid.uuid4().hex)
        except FileExistsError:
            pass  # another node was first; its mark counts
        return f"local:{mark.read_text().strip()}"

    def prepare(self) -> None:
        try:
            self.folders.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreUnavailable(f"{self.folders.root}: {exc.strerror}") from exc

    def present(self, workspace: UUID, account: UUID, jid: str) -> bool:
        return self.folders.has_credentials(workspace, account)

    def for_worker(self, workspace: UUID, account: UUID, jid: str) -> dict[str, Any]:
        return {}

    def set_aside(self, workspace: UUID, account: UUID, reason: str) -> None:
        self.folders.quarantine(workspace, account, reason)

    def forget(self, workspace: UUID, account: UUID, jid: str) -> None:
        self.folders.forget_credentials(workspace, account)


@dataclass(frozen=True, slots=True)
class InDatabase:
    url: str  # as lib/pq reads it

    def identity(self) -> str:
        """From the database itself: nodes may reach it by different addresses."""
        with self._connect() as db:
            mark = self._scalar(db, "SELECT id FROM switchboard_store")
        return f"postgres:{mark}"

    @property
    def _schema(self) -> str:
        return dict(parse_qsl(urlsplit(self.url).query)).get("search_path", "public")

    def prepare(self) -> None:
        """Make the schema and the engine's tables once, so that no two workers race to."""
        try:
            with self._connect() as db:
                db.execute("SELECT pg_advisory_lock(%s)", [_PREPARING])
                db.execute(
                    sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(self._schema))
                )
                db.execute("CREATE TABLE IF NOT EXISTS switchboard_store (id uuid PRIMARY KEY)")
                if self._scalar(db, "SELECT id FROM switchboard_store") is None:
                    db.execute("INSERT INTO switchboard_store VALUES (gen_random_uuid())")
                made = subprocess.run(
                    [sys.executable, "-m", "sessions_mgr.engines.neonize_schema"],
                    input=self.url.encode(),
                    cwd=Path(__file__).resolve().parents[1],
                    capture_output=True,
                    timeout=PREPARE_SECONDS,
                    check=False,
                )
                if self._scalar(db, "SELECT to_regclass('whatsmeow_device')") is None:
                    said = made.stderr.decode(errors="replace").strip()[-300:]
                    raise StoreUnavailable(f"the engine could not make its tables: {said}")
        except (psycopg.Error, subprocess.TimeoutExpired) as exc:
            raise StoreUnavailable(str(exc)) from exc

    def present(self, workspace: UUID, account: UUID, jid: str) -> bool:
        if not jid:
            return False
        with self._connect() as db:
            found = self._scalar(db, "SELECT 1 FROM whatsmeow_device WHERE jid = %s", jid)
        return found is not None

    def for_worker(self, workspace: UUID, account: UUID, jid: str) -> dict[str, Any]:
        # A device that is not there would crash the engine, so it is asked for by name only then.
        known = jid if self.present(workspace, account, jid) else ""
        return {"store_url": self.url, "store_jid": known}

    def set_aside(self, workspace: UUID, account: UUID, reason: str) -> None:
        """The engine has removed them itself; the database's own backups have them."""
        logger.warning(
            "its device is gone from the database: %s",
            reason,
            extra=about(account, workspace=workspace),
        )

    def forget(self, workspace: UUID, account: UUID, jid: str) -> None:
        if jid:
            with self._connect() as db:  # the other tables follow by their foreign keys
                db.execute("DELETE FROM whatsmeow_device WHERE jid = %s", [jid])

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        parts = urlsplit(self.url)
        query = dict(parse_qsl(parts.query))
        query["options"] = f"-c search_path={query.pop('search_path', 'public')}"
        query["connect_timeout"] = "5"
        url = parts._replace(query=urlencode(query, quote_via=quote)).geturl()
        return psycopg.connect(url, autocommit=True)

    @staticmethod
    def _scalar(db: psycopg.Connection[tuple[Any, ...]], query: str, *values: str) -> Any:
        row = db.execute(query, values).fetchone()
        return row[0] if row else None


def default_url(database: Mapping[str, Any]) -> str:
    """The URL of Django's own PostgreSQL as lib/pq reads it, with a schema of the engine's own."""
    host = str(database.get("HOST") or "localhost")
    user = quote(str(database.get("USER") or "postgres"), safe="")
    password = quote(str(database.get("PASSWORD") or ""), safe="")
    login = f"{user}:{password}" if password else user
    query = {"search_path": SCHEMA}
    wanted = dict(database.get("OPTIONS", {})).get("sslmode", "")
    near = host.startswith("/") or host in ("localhost", "127.0.0.1", "::1")
    if wanted in ("disable", "require", "verify-ca", "verify-full"):
        query["sslmode"] = wanted
    else:
        query["sslmode"] = "disable" if near else "require"  # lib/pq has no "prefer"
    place = f"{host}:{database['PORT']}" if database.get("PORT") else host
    if host.startswith("/"):
        place, query["host"] = "", host
    name = quote(str(database["NAME"]), safe="")
    return f"postgres://{login}@{place}/{name}?{urlencode(query, quote_via=quote)}"
