"""The websocket feed: who may open it, snapshot, order, resume, filters."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest
from channels.db import database_sync_to_async
from django.test import Client

from accounts import tickets
from accounts.models import ApiKey
from config.asgi import application
from events import services as event_log
from realtime.tails import forget_here
from tests.factories import AccountFactory, UserFactory, WorkspaceFactory, api_key
from tests.life import connected_account
from tests.sockets import PatientSocket

pytestmark = pytest.mark.django_db(transaction=True)

in_thread = database_sync_to_async


@asynccontextmanager
async def feed(query="", *, key=None, cookie=None, origin=b"http://localhost"):
    headers = [(b"host", b"localhost"), *([(b"origin", origin)] if origin else [])]
    if cookie:
        headers.append((b"cookie", f"switchboard_session={cookie}".encode()))
    ws = PatientSocket(
        application,
        f"/ws/v1/events{query}",
        headers=headers,
        subprotocols=["switchboard.v1", f"bearer.{key}"] if key else [],
    )
    accepted, subprotocol = await ws.connect()
    ws.accepted, ws.chosen = accepted, subprotocol
    try:
        yield ws
    finally:
        await ws.disconnect()
        forget_here()


def setting():
    workspace = WorkspaceFactory()
    account = connected_account(workspace=workspace)
    return workspace, account, api_key(workspace)


def signed_in(workspace):
    """The cookie of a member's browser."""
    client = Client()
    client.force_login(workspace.memberships.create(user=UserFactory(), role="viewer").user)
    return client.cookies["switchboard_session"].value


def append(workspace, n=1, account=None):
    for i in range(n):
        event_log.append(
            workspace_id=workspace.pk,
            account_id=account and account.pk,
            type="message",
            data={"n": i},
        )


async def closed_with(ws):
    output = await ws.receive_output()
    assert output["type"] == "websocket.close"
    return output["code"]


async def test_a_key_opens_the_feed_with_hello_and_snapshot():
    workspace, account, key = await in_thread(setting)()
    async with feed(key=key) as ws:
        assert ws.chosen == "switchboard.v1"
        assert await ws.receive_json_from() == {
            "type": "hello",
            "workspace": str(workspace.pk),
            "seq": 2,
        }
        snapshot = await ws.receive_json_from()
        assert snapshot["type"] == "snapshot"
        assert [(a["id"], a["status"]) for a in snapshot["accounts"]] == [
            (str(account.pk), "connected")
        ]


async def test_events_arrive_in_order_and_a_reconnect_resumes_after_the_last_one():
    workspace, _, key = await in_thread(setting)()
    async with feed(key=key) as ws:
        await ws.receive_json_from()
        await ws.receive_json_from()
        await in_thread(append)(workspace, 3)
        seen = [(await ws.receive_json_from())["seq"] for _ in range(3)]
    await in_thread(append)(workspace, 2)
    async with feed(f"?after={seen[-1]}", key=key) as ws:
        assert (await ws.receive_json_from())["type"] == "hello"
        seen += [(await ws.receive_json_from())["seq"] for _ in range(2)]

    assert seen == [3, 4, 5, 6, 7]


async def test_filters_by_type_and_account():
    workspace, account, key = await in_thread(setting)()
    await in_thread(append)(workspace, 1)
    await in_thread(append)(workspace, 1, account)
    async with feed(f"?after=0&types=message&account={account.pk}", key=key) as ws:
        await ws.receive_json_from()
        event = await ws.receive_json_from()
        assert (event["type"], event["account_id"], event["seq"]) == ("message", str(account.pk), 4)


async def test_a_browsers_login_opens_its_own_workspace_and_no_other():
    workspace, _, _ = await in_thread(setting)()

    def sign_in():
        user = UserFactory()
        workspace.memberships.create(user=user, role="viewer")
        client = Client()
        client.force_login(user)
        return client.cookies["switchboard_session"].value, WorkspaceFactory()

    cookie, stranger = await in_thread(sign_in)()
    async with feed(f"?workspace={workspace.pk}", cookie=cookie) as ws:
        assert (await ws.receive_json_from())["workspace"] == str(workspace.pk)
    async with feed(f"?workspace={stranger.pk}", cookie=cookie) as ws:
        assert await closed_with(ws) == 4404
    async with feed("?workspace=nonsense", cookie=cookie) as ws:
        assert await closed_with(ws) == 4404


async def test_a_restricted_key_hears_of_its_accounts_only():
    workspace, mine, _ = await in_thread(setting)()
    other = await in_thread(connected_account)(workspace=workspace)
    key = await in_thread(api_key)(workspace, ("read",), accounts=[str(mine.pk)])
    async with feed(key=key) as ws:
        await ws.receive_json_from()
        snapshot = await ws.receive_json_from()
        assert [a["id"] for a in snapshot["accounts"]] == [str(mine.pk)]
        for account in (other, None, mine):
            await in_thread(append)(workspace, 1, account)
        event = await ws.receive_json_from()
        assert event["account_id"] == str(mine.pk)
    async with feed("?after=0", key=key) as ws:  # from the log, not from the tail
        await ws.receive_json_from()
        told = [(await ws.receive_json_from())["account_id"] for _ in range(3)]
        assert set(told) == {str(mine.pk)}
    async with feed(f"?account={other.pk}", key=key) as ws:
        assert await closed_with(ws) == 4404


async def test_a_feed_opened_with_a_ticket_ends_with_the_key_that_asked(monkeypatch):
    monkeypatch.setattr("realtime.consumers.PING_INTERVAL", 0.2)
    workspace, _, _ = await in_thread(setting)()
    key = await in_thread(ApiKey.objects.get)()
    ticket, _ = await in_thread(tickets.issue)(workspace, key=key)
    async with feed(f"?ticket={ticket}&after=1", key=None) as ws:
        await ws.receive_json_from()
        await in_thread(ApiKey.objects.filter(pk=key.pk).update)(revoked=True)
        while (output := await ws.receive_output())["type"] != "websocket.close":
            pass
        assert output["code"] == 4401


async def test_a_ticket_opens_one_socket_once():
    workspace, _, _ = await in_thread(setting)()
    ticket, _ = await in_thread(tickets.issue)(workspace)
    async with feed(f"?ticket={ticket}") as ws:
        assert (await ws.receive_json_from())["type"] == "hello"
    async with feed(f"?ticket={ticket}") as ws:
        assert await closed_with(ws) == 4401


@pytest.mark.parametrize("key", [None, "wrong-key"])
async def test_without_a_good_credential_the_socket_is_closed_with_4401(key):
    async with feed(key=key) as ws:
        assert await closed_with(ws) == 4401


async def test_another_workspaces_account_is_4404():
    _, _, key = await in_thread(setting)()
    other = await in_thread(AccountFactory)()
    async with feed(f"?account={other.pk}", key=key) as ws:
        assert await closed_with(ws) == 4404


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=999", "types=zzz", "account=1"])
async def test_a_wrong_parameter_is_named_before_the_socket_closes(query):
    _, _, key = await in_thread(setting)()
    async with feed(f"?{query}", key=key) as ws:
        frames = [await ws.receive_json_from()]
        assert frames[-1]["type"] == "error"
        assert query.split("=")[0] in frames[-1]["detail"]
        assert await closed_with(ws) == 4400


@pytest.mark.parametrize(
    "origin",
    [
        b"https://evil.example",
        b"http://localhost:3000",  # another program on this host, which gets the cookie as well
        b"https://localhost",
        b"http://evil.localhost",
        b"null",
        b"http://testserver",  # a host of ours, but not the one that was asked
    ],
)
async def test_a_page_of_another_origin_cannot_open_the_feed(origin):
    workspace, _, _ = await in_thread(setting)()
    cookie = await in_thread(signed_in)(workspace)
    async with feed(cookie=cookie, origin=origin) as ws:
        assert not ws.accepted


async def test_a_page_of_the_public_address_opens_the_feed_behind_a_proxy(settings):
    settings.PUBLIC_URL, settings.SECURE_PUBLIC = "https://wa.example.com", True
    workspace, _, _ = await in_thread(setting)()
    cookie = await in_thread(signed_in)(workspace)
    async with feed(cookie=cookie, origin=b"https://wa.example.com") as ws:
        assert (await ws.receive_json_from())["type"] == "hello"
    async with feed(cookie=cookie, origin=b"http://localhost") as ws:
        assert not ws.accepted


async def test_a_key_or_a_ticket_opens_it_from_any_page_and_a_program_has_no_origin():
    workspace, _, key = await in_thread(setting)()
    ticket, _ = await in_thread(tickets.issue)(workspace)
    for origin in (None, b"https://crm.example"):
        async with feed(key=key, origin=origin) as ws:
            assert ws.accepted
            assert (await ws.receive_json_from())["type"] == "hello"
    async with feed(f"?ticket={ticket}", origin=b"https://crm.example") as ws:
        assert (await ws.receive_json_from())["type"] == "hello"


async def test_a_wrong_key_from_another_page_does_not_fall_back_to_the_login():
    async with feed(key="nonsense", origin=b"https://evil.example") as ws:
        assert await closed_with(ws) == 4401
    async with feed("?ticket=nonsense", origin=b"https://evil.example") as ws:
        assert await closed_with(ws) == 4401


async def test_a_socket_whose_key_was_revoked_is_closed_at_the_next_ping(monkeypatch):
    monkeypatch.setattr("realtime.consumers.PING_INTERVAL", 0.1)
    monkeypatch.setattr("realtime.consumers.POLL_INTERVAL", 0.05)
    workspace, _, key = await in_thread(setting)()
    async with feed(key=key) as ws:
        await ws.receive_json_from()
        await ws.receive_json_from()
        assert (await ws.receive_json_from())["type"] == "ping"
        await in_thread(workspace.api_keys.update)(revoked=True)
        assert await code_after_pings(ws) == 4401


@pytest.mark.parametrize("left", ["workspace", "session"])
async def test_a_browser_that_signed_out_or_left_is_closed_at_the_next_ping(monkeypatch, left):
    monkeypatch.setattr("realtime.consumers.PING_INTERVAL", 0.1)
    monkeypatch.setattr("realtime.consumers.POLL_INTERVAL", 0.05)
    workspace, _, _ = await in_thread(setting)()

    def sign_in():
        client = Client()
        client.force_login(workspace.memberships.create(user=UserFactory(), role="viewer").user)
        return client

    client = await in_thread(sign_in)()
    async with feed(cookie=client.cookies["switchboard_session"].value) as ws:
        await ws.receive_json_from()
        await ws.receive_json_from()
        assert (await ws.receive_json_from())["type"] == "ping"
        await in_thread(
            client.logout if left == "session" else workspace.memberships.all().delete
        )()
        assert await code_after_pings(ws) == 4401


async def code_after_pings(ws):
    while (output := await ws.receive_output())["type"] == "websocket.send":
        assert json.loads(output["text"])["type"] == "ping"
    return output["code"]


async def test_garbage_from_the_client_changes_nothing():
    workspace, _, key = await in_thread(setting)()
    async with feed(key=key) as ws:
        await ws.receive_json_from()
        await ws.receive_json_from()
        await ws.send_to(text_data="}{ not json")
        await ws.send_to(bytes_data=b"\x00\xff")
        await in_thread(append)(workspace, 1)
        assert (await ws.receive_json_from())["seq"] == 3
