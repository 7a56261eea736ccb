"""What a bus that is away says in the log: each trouble once a minute, not four times a second."""

from __future__ import annotations

import logging

import pytest

from sessions_mgr.bus import client


@pytest.fixture
async def line(monkeypatch):
    """The callbacks of a connection, as the library calls them."""
    given = {}

    async def connect(_url, **options):
        given.update(options)

    monkeypatch.setattr(client.nats, "connect", connect)
    await client.connect("nats://127.0.0.1:1", "", name="test")
    return given


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


async def test_the_same_trouble_is_told_once_and_another_one_too(line, caplog):
    for words in ("refused", "refused", "timeout", "refused"):
        await line["error_cb"](OSError(words))
    assert warnings(caplog) == ["bus: refused", "bus: timeout"]


async def test_it_is_told_again_after_a_while_and_in_the_next_outage(line, caplog, monkeypatch):
    await line["error_cb"](OSError("refused"))
    monkeypatch.setattr(client, "SAME_WORDS_EVERY", 0.0)
    await line["error_cb"](OSError("refused"))
    monkeypatch.undo()
    await line["reconnected_cb"]()
    await line["error_cb"](OSError("refused"))
    assert warnings(caplog) == ["bus: refused"] * 3
