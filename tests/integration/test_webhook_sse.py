"""The feed as Server-Sent Events: resume, filters, who may read it."""

from __future__ import annotations

import asyncio
import json

import pytest
from channels.db import database_sync_to_async as in_thread
from django.test import AsyncClient

from accounts import tickets
from events import services as event_log
from tests.factories import AccountFactory, WorkspaceFactory, api_key

pytestmark = pytest.mark.django_db(transaction=True)
AT = "/api/v1/events/stream"


@pytest.fixture(autouse=True)
async def no_connection_left_over():
    """Requests of the test client leave their thread's connection open; this closes it."""
    yield
    await in_thread(lambda: None)()


@in_thread
def setting(n=0):
    workspace = WorkspaceFactory()
    append(workspace, n)
    return workspace, {"Authorization": f"Bearer {api_key(workspace)}"}


def append(workspace, n, **fields):
    for i in range(n):
        event_log.append(
            workspace_id=workspace.pk, **{"type": "message", "data": {"text": f"a\nb {i}"}} | fields
        )


async def frames(answer, count):
    """The next `count` events as (id, event, data)."""
    found, text = [], ""
    stream = aiter(answer.streaming_content)
    try:
        async with asyncio.timeout(10):
            while len(found) < count:
                text += (await anext(stream)).decode()
                *whole, text = text.split("\n\n")
                for block in whole:
                    lines = dict(line.split(": ", 1) for line in block.split("\n"))
                    if "data" in lines:
                        found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
    finally:
        await stream.aclose()
    return found


async def test_what_was_and_what_comes():
    workspace, auth = await setting(3)
    answer = await AsyncClient().get(f"{AT}?after=1", headers=auth)
    assert answer.headers["Content-Type"] == "text/event-stream"
    reading = asyncio.ensure_future(frames(answer, 4))
    await asyncio.sleep(0)
    await in_thread(append)(workspace, 2)

    found = await reading
    assert [seq for seq, _, _ in found] == [2, 3, 4, 5]
    assert {kind for _, kind, _ in found} == {"message"}
    assert found[0][2]["data"] == {"text": "a\nb 1"}


async def test_last_event_id_goes_before_after():
    _, auth = await setting(5)
    answer = await AsyncClient().get(f"{AT}?after=0", headers=auth | {"Last-Event-ID": "3"})

    assert [seq for seq, _, _ in await frames(answer, 2)] == [4, 5]


async def test_filters():
    workspace, auth = await setting()
    account = await in_thread(AccountFactory)(workspace=workspace)
    await in_thread(append)(workspace, 1)
    await in_thread(append)(workspace, 1, type="session.status", account_id=account.pk, data={})
    await in_thread(append)(workspace, 1, account_id=account.pk)
    answer = await AsyncClient().get(
        f"{AT}?after=0&types=message&account={account.pk}", headers=auth
    )

    assert [seq for seq, _, _ in await frames(answer, 1)] == [3]


async def test_a_ticket_opens_it_once():
    workspace, _ = await setting(1)
    ticket, _ = await in_thread(tickets.issue)(workspace)
    client = AsyncClient(headers={"Accept": "text/event-stream"})

    answer = await client.get(f"{AT}?after=0&ticket={ticket}")
    assert [seq for seq, _, _ in await frames(answer, 1)] == [1]
    assert (await client.get(f"{AT}?after=0&ticket={ticket}")).status_code == 401


async def test_the_stream_ends_soon_after_its_key_was_revoked(monkeypatch):
    monkeypatch.setattr("realtime.sse.COMMENT_INTERVAL", 0.1)
    monkeypatch.setattr("realtime.sse.POLL_INTERVAL", 0.05)
    workspace, auth = await setting(1)
    answer = await AsyncClient(headers={"Accept": "text/event-stream"}).get(
        f"{AT}?after=0", headers=auth
    )
    stream = aiter(answer.streaming_content)
    async with asyncio.timeout(10):
        while b"id: 1" not in await anext(stream):
            pass
        assert await anext(stream) == b": still here\n\n"
        await in_thread(workspace.api_keys.update)(revoked=True)
        rest = [part async for part in stream]
    assert set(rest) <= {b": still here\n\n"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("after=-1", 422),
        ("after=x", 422),
        ("after=99", 422),
        ("types=nonsense", 422),
        ("account=x", 422),
        ("account=00000000-0000-4000-8000-000000000000", 404),
    ],
)
async def test_wrong_parameters_are_problems(query, code):
    _, auth = await setting(1)
    answer = await AsyncClient().get(f"{AT}?{query}", headers=auth)

    assert (answer.status_code, answer.json()["status"]) == (code, code)


async def test_an_expired_cursor_is_told():
    workspace, auth = await setting(3)

    def forget():
        from django.utils import timezone

        event_log.forget_before(workspace_id=workspace.pk, at=timezone.now())

    await in_thread(forget)()
    answer = await AsyncClient().get(f"{AT}?after=1", headers=auth)
    assert (answer.status_code, answer.json()["oldest"]) == (410, 4)


async def test_nobody_reads_without_a_key_or_another_workspace():
    _, auth = await setting()
    other, _ = await setting(2)
    assert (await AsyncClient().get(AT)).status_code == 401
    assert (await AsyncClient().get(AT, headers={"X-Api-Key": "x"})).status_code == 401
    answer = await AsyncClient().get(f"{AT}?after=2", headers=auth)
    assert answer.status_code == 422  # the other's seq is not this one's
    assert other
