"""The tail that the sockets of a workspace share."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

from realtime.tails import Entry, Tail

A, B = uuid4(), uuid4()


@asynccontextmanager
async def tail(head, *entries):
    made = Tail(uuid4(), head)
    for seq, kind, account in entries:
        made._entries.append(Entry(seq, kind, account, f"{seq}"))
        made._head = seq
    try:
        yield made
    finally:
        await made.stop()


def seqs(found):
    return [entry.seq for entry in found[0]], found[1]


async def test_what_came_after_the_cursor_in_order():
    async with tail(5, (6, "message", A), (7, "message", B), (8, "chat.presence", A)) as it:
        assert seqs(it.after(6, None, None)) == ([7, 8], 8)
        assert seqs(it.after(5, ["message"], None)) == ([6, 7], 8)
        assert seqs(it.after(5, None, [A])) == ([6, 8], 8)
        assert seqs(it.after(8, None, None)) == ([], 8)


async def test_whoever_is_further_behind_asks_the_log():
    async with tail(5, (6, "message", A)) as it:
        assert it.after(4, None, None) is None


async def test_codes_are_never_told_from_memory_as_the_log_may_have_blanked_them():
    async with tail(5, (6, "session.qr", A), (7, "message", A)) as it:
        assert it.after(5, None, None) is None
        assert seqs(it.after(5, ["message"], None)) == ([7], 7)
        assert seqs(it.after(6, None, None)) == ([7], 7)


async def test_a_hint_of_the_past_wakes_nobody():
    async with tail(5) as it:
        it.hint(5)
        assert not it._hinted.is_set()
        it.hint(6)
        assert it._hinted.is_set()
        await asyncio.sleep(0)
        it._hinted.clear()
