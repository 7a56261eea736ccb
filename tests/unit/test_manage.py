"""How the command line ends when it cannot begin."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from django.db import OperationalError

import manage
from config.environment import ConfigurationError


@pytest.fixture
def command(monkeypatch):
    """A command that ends with this exception."""

    def ends_with(exc, cause=None):
        def run(_argv):
            raise exc from cause

        monkeypatch.setattr("django.core.management.execute_from_command_line", run)

    return ends_with


@pytest.mark.parametrize(
    ("exc", "code", "line"),
    [
        (ConfigurationError("PORT 'x' is no number"), 2, "switchboard: PORT 'x' is no number\n"),
        (
            OperationalError("couldn't get a connection after 10.00 sec"),
            1,
            "switchboard: DATABASE_URL: no answer from the database: "
            "couldn't get a connection after 10.00 sec\n",
        ),
    ],
)
def test_one_line_and_a_code_that_says_whether_it_may_pass(command, capsys, exc, code, line):
    command(exc)
    with pytest.raises(SystemExit) as ended:
        manage.main()
    assert (ended.value.code, capsys.readouterr().err) == (code, line)


@pytest.mark.parametrize(
    "cause", [psycopg.errors.UndefinedTable("no such table"), sqlite3.OperationalError("no table")]
)
def test_a_mistake_of_ours_is_told_whole(command, cause):
    command(OperationalError("no such table"), cause)
    with pytest.raises(OperationalError):
        manage.main()
