"""Django's PostgreSQL backend, which tells the server before each query whose rows may be seen.

It is told again whenever the running code's workspace differs from what this connection was told,
so neither a pooled connection nor a thread that serves many requests carries one tenant's right
over to the next. A rollback takes the telling back on the server: then it is told anew.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from accounts import wall


class DatabaseWrapper(base.DatabaseWrapper):
    _told: str | None = None  # what the server knows; None: nothing for sure

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self._told = None
        return super().get_new_connection(conn_params)

    def create_cursor(self, name: str | None = None) -> Any:
        self._tell()
        return super().create_cursor(name)

    def _rollback(self) -> None:
        self._told = None
        super()._rollback()  # type: ignore[misc]  # Django's stubs leave it out

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]  # Django's stubs leave it out
        self._told = None

    def _tell(self) -> None:
        wanted = wall.current()
        if wanted == self._told:
            return
        # In a broken transaction nothing can be told, and nothing can be asked.
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            return
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, false)", [wall.SETTING, wanted])
        self._told = wanted
