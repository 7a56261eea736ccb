"""A database that does not answer: the API says so and for how long, and the way back is short."""

from __future__ import annotations

import sqlite3

import psycopg
import psycopg_pool
import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError, connection

from accounts.database_errors import is_away


def raised(outer, inner):
    outer.__cause__ = inner
    return outer


def locked():
    exc = sqlite3.OperationalError("database is locked")
    exc.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
    return exc


AWAY = [
    raised(OperationalError(), psycopg_pool.PoolTimeout("no connection after 10 s")),
    raised(OperationalError(), psycopg.OperationalError("connection refused")),
    raised(OperationalError(), psycopg.errors.AdminShutdown()),
    raised(OperationalError(), psycopg.errors.DeadlockDetected()),
    raised(OperationalError(), locked()),
    raised(InterfaceError(), psycopg.InterfaceError("the connection is closed")),
]


@pytest.mark.parametrize("exc", AWAY)
@pytest.mark.django_db
def test_the_api_says_that_the_database_is_away(api, workspace, monkeypatch, exc):
    def refuse(*_args, **_options):
        raise exc

    monkeypatch.setattr("accounts.models.WhatsAppAccountQuerySet.present", refuse)
    answer = api.get("/api/v1/accounts")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer["Retry-After"] == "5"


def test_what_is_wrong_with_a_question_does_not_pass():
    assert not is_away(raised(ProgrammingError(), psycopg.errors.UndefinedTable()))
    assert not is_away(raised(OperationalError(), sqlite3.OperationalError("no such table: x")))


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no pool")
def test_nobody_waits_long_after_the_server_is_back():
    assert connection.settings_dict["OPTIONS"]["pool"]["reconnect_timeout"] <= 10
