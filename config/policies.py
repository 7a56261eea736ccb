"""Row-level security on PostgreSQL, written from accounts/tenants.py. SQLite has none.

Each table of a tenant gets one policy and FORCE, so that also the tables' owner obeys. It is
compared and renewed after every `migrate`: a model that is added to the registry is walled in by
the migration run that makes its table. Superusers and roles with BYPASSRLS are not held by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from accounts import wall
from accounts.tenants import INSTALLATION, TENANTS, Tenant

POLICY = "switchboard_workspace"
_SETTING = f"current_setting('{wall.SETTING}', true)"
# As subqueries they are evaluated once per statement and not once per row.
_ALL = f"(SELECT {_SETTING} = '{wall.EVERYTHING}')"
_MINE = f"(SELECT NULLIF(NULLIF({_SETTING}, ''), '{wall.EVERYTHING}')::uuid)"


def expression(model: type[Model], tenant: Tenant) -> str:
    """SQL that is true for the rows that the connection's workspace may see and write."""
    return f"{_ALL} OR {_way(model, tenant.path.split('__'), model._meta.db_table, 1)}"


def _way(model: type[Model], steps: list[str], table: str, depth: int) -> str:
    field: Any = model._meta.get_field(steps[0])
    column = f'"{table}"."{field.column}"'
    if len(steps) == 1:
        return f"{column} = {_MINE}"
    target = field.related_model
    alias = f"way{depth}"
    # By primary key, so that a page of fifty rows costs fifty look-ups and not a table.
    inner = _way(target, steps[1:], alias, depth + 1)
    return (
        f'EXISTS (SELECT 1 FROM "{target._meta.db_table}" "{alias}"'  # noqa: S608  names of our own tables
        f' WHERE "{alias}"."{target._meta.pk.column}" = {column} AND {inner})'
    )


def wanted() -> dict[str, str]:
    """The policy's expression of each table."""
    found = {}
    for label, tenant in TENANTS.items():
        model = apps.get_model(label)
        found[model._meta.db_table] = expression(model, tenant)
    for label in INSTALLATION:
        found[apps.get_model(label)._meta.db_table] = _ALL
    return found


def apply(connection: BaseDatabaseWrapper) -> list[str]:
    """Bring the tables in line; cheap when they are. Returns those that changed."""
    changed = []
    standing = _standing(connection)
    with connection.cursor() as cursor:
        for table, text in wanted().items():
            # None: its migration did not run yet.
            if table not in standing or standing[table] == (True, True, text):
                continue
            for statement in _statements(table, text):
                cursor.execute(statement)
            changed.append(table)
    return changed


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Tables that are not behind the wall as they should be."""
    standing = _standing(connection)
    return [t for t, text in wanted().items() if standing.get(t) != (True, True, text)]


def _statements(table: str, text: str) -> Iterator[str]:
    comment = text.replace("'", "''")
    yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
    yield f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'
    yield f'DROP POLICY IF EXISTS {POLICY} ON "{table}"'
    yield f'CREATE POLICY {POLICY} ON "{table}" USING ({text}) WITH CHECK ({text})'
    # PostgreSQL keeps the expression in a form of its own; ours, to be compared, is kept beside it.
    yield f"COMMENT ON POLICY {POLICY} ON \"{table}\" IS '{comment}'"


def _standing(connection: BaseDatabaseWrapper) -> dict[str, tuple[bool, bool, str | None]]:
    """(enabled, forced, expression) of every table in the schema."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,"
            " obj_description(p.oid, 'pg_policy')"
            " FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = %s"
            " WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace",
            [POLICY],
        )
        return {name: (enabled, forced, text) for name, enabled, forced, text in cursor.fetchall()}


def after_migrate(sender: Any, using: str, **kwargs: Any) -> None:
    connection = connections[using]
    if connection.vendor == "postgresql":
        apply(connection)


def role(connection: BaseDatabaseWrapper) -> tuple[str, bool]:
    """The role of this connection, and whether the wall holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles"
            " WHERE rolname = current_user"
        )
        name, passes = cursor.fetchone()
    return str(name), not passes
