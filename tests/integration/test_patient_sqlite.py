"""Writers that wait for each other on SQLite, and connections that are lent; on a database file of
the test's own."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from types import SimpleNamespace

import pytest
from django.db import ConnectionHandler, OperationalError, ProgrammingError

from config.patient_sqlite import base, pool

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


# Connections are lent ---------------------------------------------------------------------------


def raw(connection):
    connection.ensure_connection()
    return connection.connection


def test_a_closed_connection_is_lent_to_the_next_one(connect):
    first, second = connect(5), connect(5)
    lent = raw(first)
    first.close()
    assert raw(second) is lent
    write(second, "by the second")
    assert lines(first) == ["by the second"]  # another one meanwhile
    assert raw(first) is not lent


def test_one_that_is_in_a_transaction_is_really_closed(connect):
    first, second = connect(5), connect(5)
    lent = raw(first)
    with first.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
    write(first, "never")
    first.close()
    assert raw(second) is not lent
    assert lines(second) == []


def test_one_that_had_trouble_is_not_lent(connect):
    first, second = connect(5), connect(5)
    lent = raw(first)
    with pytest.raises(OperationalError, match="no such table"):
        first.cursor().execute("SELECT * FROM nowhere")
    first.close()
    assert raw(second) is not lent


def test_in_a_block_it_stays_closed(connect):
    first, second = connect(5), connect(5)
    lent = raw(first)
    first.in_atomic_block = True
    first.close()
    with pytest.raises(ProgrammingError, match="closed"):
        write(first, "never")
    first.in_atomic_block = False
    assert raw(second) is not lent


def test_a_cursor_that_somebody_still_holds_keeps_nothing_from_the_next_one(connect):
    first, second = connect(5), connect(5)
    for text in "abc":
        write(first, text)
    held = raw(first).cursor()
    held.execute("SELECT text FROM line")
    assert held.fetchone() == ("a",)  # it reads on in what the file was at that moment
    first.close()
    write(connect(5), "d")
    assert lines(second) == ["a", "b", "c", "d"]
    with pytest.raises(sqlite3.ProgrammingError):
        held.fetchone()


def test_a_file_that_was_replaced_is_opened_anew(connect, tmp_path):
    first = connect(5)
    write(first, "old")
    first.close()
    for part in tmp_path.glob("some.sqlite3*"):
        part.rename(tmp_path / f"old-{part.name}")
    with connect(5).cursor() as cursor:
        cursor.execute("CREATE TABLE line (text)")
    assert lines(first) == []


def is_open(opened):
    try:
        opened.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def test_no_more_than_some_wait(connect):
    lent = [connect(5) for _ in range(pool.IDLE + 2)]
    opened = [raw(one) for one in lent]
    for one in lent:
        one.close()
    assert [is_open(one) for one in opened].count(False) == 2


def test_what_a_rush_left_open_is_closed_when_it_is_long_over(connect, monkeypatch):
    lent = [connect(5) for _ in range(3)]
    opened = [raw(one) for one in lent]
    for one in lent:
        one.close()
    now = time.monotonic()
    for minutes in (0.5, 1.5):  # one of them is used now and then
        clock = SimpleNamespace(monotonic=lambda at=now + 60 * minutes: at)
        monkeypatch.setattr(pool, "time", clock)
        raw(lent[0])
        lent[0].close()
    assert [is_open(one) for one in opened] == [False, False, True]


def test_a_child_of_a_fork_opens_its_own(connect):
    first = connect(5)
    lent = raw(first)
    first.close()
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(tell, b"lent" if raw(first) is lent else b"own")
        os._exit(0)
    os.close(tell)
    assert os.read(told, 10) == b"own"
    os.close(told)
    assert os.waitpid(child, 0)[1] == 0
    assert raw(first) is lent
