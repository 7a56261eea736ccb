"""Whose rows the database may show to the running code: the second wall between tenants.

Rule: a query names its workspace anyway; this wall holds when one forgets to. On PostgreSQL every
connection says `switchboard.workspace` before it asks (config/walled_postgres), and the policies of
config/policies.py show that workspace's rows only. SQLite has no such wall.

    NOBODY       no tenant's rows: a request whose tenant is not known yet
    EVERYTHING   all rows: node, pipeline, management commands
    <uuid>       the rows of that workspace

The value follows the code as context variables do: into threads of sync_to_async, and into tasks
that are made after it was set; another request never sees it. Code that runs outside of any request
has the default of its process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from uuid import UUID

NOBODY = ""
EVERYTHING = "*"
SETTING = "switchboard.workspace"

_here: ContextVar[str | None] = ContextVar("switchboard_workspace", default=None)
_default = EVERYTHING


def current() -> str:
    value = _here.get()
    return _default if value is None else value


def enter(workspace_id: UUID) -> None:
    """From here on only this workspace's rows, until whoever called `inside` or `closed` ends it.

    To be called where the tenant has just been proved: a key, a ticket, a membership.
    """
    _here.set(str(workspace_id))


def enter_everything() -> None:
    """From here on all rows: for administrators of the installation, who have proved it."""
    _here.set(EVERYTHING)


@contextmanager
def inside(workspace_id: UUID | str | None) -> Iterator[None]:
    """Only this workspace's rows; None: all rows."""
    before = _here.get()
    _here.set(EVERYTHING if workspace_id is None else str(workspace_id))
    try:
        yield
    finally:
        _here.set(before)


def everything() -> AbstractContextManager[None]:
    """All rows, for what belongs to the installation: metrics, its administrators' pages."""
    return inside(None)


def closed() -> AbstractContextManager[None]:
    """No tenant's rows until somebody has proved who they are."""
    return inside(NOBODY)


def close_by_default() -> None:
    """This process serves strangers: code outside of any request sees nobody's rows either."""
    global _default
    _default = NOBODY
