"""Writers that wait for each other on SQLite, on a database file of the test's own."""

from __future__ import annotations

import threading

import pytest
from django.db import ConnectionHandler, OperationalError

from config.patient_sqlite import base

pytestmark = pytest.mark.django_db


@pytest.fixture
def connect(tmp_path):
    """connect(timeout in seconds): another connection to the same file, closed at the end."""
    opened = []

    def connection(timeout):
        config = {
            "ENGINE": "config.patient_sqlite",
            "NAME": str(tmp_path / "some.sqlite3"),
            "OPTIONS": {"timeout": timeout, "init_command": "PRAGMA journal_mode=WAL;"},
        }
        made = ConnectionHandler({"default": config})["default"]
        made.inc_thread_sharing()
        opened.append(made)
        return made

    with connection(5).cursor() as cursor:
        cursor.execute("CREATE TABLE line (text)")
    yield connection
    for made in opened:
        made.close()


def lines(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM line")
        return [text for (text,) in cursor.fetchall()]


def write(connection, text):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO line VALUES (%s)", [text])


def test_a_writer_waits_until_the_other_one_is_done(connect, monkeypatch):
    first, second = connect(5), connect(20)
    looked = threading.Event()
    rest = base.time.sleep

    def sleep(seconds):
        looked.set()
        rest(seconds)

    monkeypatch.setattr(base.time, "sleep", sleep)
    with first.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        write(first, "first")
    waiting = threading.Thread(target=write, args=(second, "second"))
    waiting.start()
    assert looked.wait(10)
    assert waiting.is_alive()
    with first.cursor() as cursor:
        cursor.execute("COMMIT")
    waiting.join(10)
    assert lines(first) == ["first", "second"]


def test_it_gives_up_after_its_patience(connect):
    first, second = connect(5), connect(0.05)
    with first.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        write(second, "never")
    with first.cursor() as cursor:
        cursor.execute("ROLLBACK")
    assert lines(first) == []


def test_inside_a_transaction_nothing_is_tried_again(connect, monkeypatch):
    """What was read before may be wrong by then: only whoever began it can begin again."""
    first, second = connect(5), connect(20)
    monkeypatch.setattr(base.time, "sleep", lambda _s: pytest.fail("waited"))
    with first.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
    assert lines(first) == []
    write(second, "meanwhile")
    with pytest.raises(OperationalError, match="locked"):
        write(first, "late")
