"""What phones say, over the control API: every type between two phones, and clear refusals."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.control.server import ControlServer
from sandbox.network.hub import Network

TOKEN = "token"
OURS, THEIRS = "+15550001001", "+15550002002"
FILE = {"base64": base64.b64encode(b"file").decode()}


@pytest.fixture
async def http(network: Network) -> AsyncIterator[httpx.AsyncClient]:
    server = ControlServer(network, TOKEN)
    port = await server.start()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    base_url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
        for number in (OURS, THEIRS):
            await client.post("/phones", json={"phone_number": number})
        yield client
    await server.close()


async def send(http: httpx.AsyncClient, body: dict[str, Any], number: str = OURS) -> httpx.Response:
    to = THEIRS if number == OURS else OURS
    return await http.post(f"/phones/{number}/messages", json={"to": to, **body})


async def received(http: httpx.AsyncClient, number: str = THEIRS) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = (await http.get(f"/phones/{number}/inbox")).json()["results"]
    return results


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"text": "hi {n}"}, {"type": "text", "text": "hi 0"}),
        ({"type": "image", "media": FILE, "caption": "c"}, {"type": "image", "text": "c"}),
        ({"type": "voice", "media": FILE}, {"type": "voice"}),
        ({"type": "image", "media": FILE, "view_once": True}, {"view_once": True}),
        ({"text": "x", "expires_in": 60}, {"text": "x", "expires_in": 60}),
        ({"text": "x", "forwarded": True}, {"forwarded": True}),
        ({"text": "x", "mentions": ["1@lid"]}, {"mentions": ["1@lid"]}),
        (
            {"type": "contact", "contacts": [{"name": "A", "vcard": "V"}]},
            {"contacts": [{"name": "A", "vcard": "V"}]},
        ),
        ({"type": "timer", "timer": {"seconds": 0}}, {"timer": {"seconds": 0}}),
        ({"type": "raw", "raw": {"field": 500, "base64": ""}}, {"raw": {"fields": [500]}}),
    ],
)
async def test_a_phone_shows_what_another_one_sent(
    http: httpx.AsyncClient, body: dict[str, Any], shown: dict[str, Any]
) -> None:
    answer = await send(http, body)
    assert answer.status_code == 202, answer.text
    (entry,) = await received(http)
    assert entry["wa_id"] == answer.json()["ids"][0]
    assert {name: entry[name] for name in shown} == shown


async def test_the_file_of_a_message_can_be_had(http: httpx.AsyncClient) -> None:
    media = {**FILE, "mime_type": "text/plain", "filename": "a.txt"}
    await send(http, {"type": "document", "media": media})
    (entry,) = await received(http)
    assert (entry["media"]["size"], entry["media"]["filename"]) == (4, "a.txt")
    answer = await http.get(f"/phones/{THEIRS}/inbox/{entry['id']}/media")
    assert (answer.content, answer.headers["content-type"]) == (b"file", "text/plain")
    for wanted in ("999", "9" * 30, "3A"):
        answer = await http.get(f"/phones/{THEIRS}/inbox/{wanted}/media")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_message")


async def test_a_text_has_no_file(http: httpx.AsyncClient) -> None:
    await send(http, {"text": "x"})
    (entry,) = await received(http)
    answer = await http.get(f"/phones/{THEIRS}/inbox/{entry['id']}/media")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_media")


async def test_a_file_that_the_host_lost_is_gone(network: Network, http: httpx.AsyncClient) -> None:
    await send(http, {"type": "image", "media": FILE})
    (entry,) = await received(http)
    for path in (network.store.folder / "media").iterdir():
        path.unlink()
    answer = await http.get(f"/phones/{THEIRS}/inbox/{entry['id']}/media")
    assert (answer.status_code, answer.json()["code"]) == (410, "media_gone")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "x" * 65_537}, "text"),
        ({"text": "x", "rate": 0}, "rate"),
        ({"text": "x", "expires_in": 0}, "expires_in"),
        ({"text": "x", "view_once": True}, "view_once"),
        ({"text": "x", "view_once": "yes"}, "view_once"),
        ({"text": "x", "unreadable": "sometimes"}, "unreadable"),
        ({"text": "x", "mentions": "all"}, "mentions"),
        ({"text": "x", "mentions": ["+15559999999"]}, "mentions"),
        ({"type": "image"}, "media"),
        ({"type": "image", "media": {}}, "media.base64"),
        ({"type": "image", "media": {"base64": "!"}}, "media.base64"),
        ({"type": "image", "media": {**FILE, "width": "wide"}}, "media.width"),
        ({"type": "voice", "media": {**FILE, "waveform": "AAAA"}}, "media.waveform"),
        ({"type": "sticker", "media": FILE, "caption": "x"}, "caption"),
        ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, "location.latitude"),
        ({"type": "location", "location": {"latitude": 1}}, "location.longitude"),
        ({"type": "contact", "contacts": []}, "contacts"),
        ({"type": "contact", "contacts": [{"name": "A"}]}, "contacts.0.phone_number"),
        ({"type": "poll", "poll": {"name": "?", "options": ["a"]}}, "poll.options"),
        ({"type": "poll", "poll": {"name": "?", "options": ["a", "a"]}}, "poll.options"),
        (
            {"type": "poll", "poll": {"name": "?", "options": ["a", "b"], "selectable": 3}},
            "poll.selectable",
        ),
        ({"type": "timer", "timer": {}}, "timer.seconds"),
        ({"type": "raw", "raw": {"field": 0, "base64": ""}}, "raw.field"),
        ({"type": "raw", "raw": {"field": 3, "base64": "////"}}, "raw.base64"),
        ({"type": "group_invite", "group_invite": {"jid": "1@g.us"}}, "group_invite.code"),
    ],
)
async def test_what_is_wrong_is_named(
    http: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await send(http, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["field"] == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "x", "reply_to": "3A"}, "reply_to"),
        ({"type": "reaction", "reaction": {"message_id": "3A"}}, "reaction.message_id"),
        ({"type": "edit", "edit": {"message_id": "3A", "text": "x"}}, "edit.message_id"),
        ({"type": "revoke", "revoke": {"message_id": "3A"}}, "revoke.message_id"),
        ({"type": "vote", "vote": {"message_id": "3A", "options": []}}, "vote.message_id"),
    ],
)
async def test_a_message_that_the_phone_does_not_know_is_named(
    http: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await send(http, body)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_message")
    assert answer.json()["field"] == field


async def test_only_own_messages_can_be_changed_and_only_polls_voted_for(
    http: httpx.AsyncClient,
) -> None:
    wa_id = (await send(http, {"text": "mine"})).json()["ids"][0]
    for body, field in (
        ({"type": "edit", "edit": {"message_id": wa_id, "text": "x"}}, "edit.message_id"),
        ({"type": "revoke", "revoke": {"message_id": wa_id}}, "revoke.message_id"),
        ({"type": "vote", "vote": {"message_id": wa_id, "options": ["a"]}}, "vote.message_id"),
    ):
        answer = await send(http, body, THEIRS)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    poll = {"type": "poll", "poll": {"name": "?", "options": ["a", "b"]}}
    poll_id = (await send(http, poll)).json()["ids"][0]
    vote = {"type": "vote", "vote": {"message_id": poll_id, "options": ["c"]}}
    assert (await send(http, vote, THEIRS)).json()["field"] == "vote.options"


async def test_the_inbox_is_read_from_either_end(http: httpx.AsyncClient) -> None:
    await send(http, {"text": "{n}", "count": 5})
    path = f"/phones/{THEIRS}/inbox"
    page = (await http.get(f"{path}?order=newest&limit=2")).json()["results"]
    assert [entry["text"] for entry in page] == ["4", "3"]
    page = (await http.get(f"{path}?order=newest&before={page[-1]['id']}")).json()["results"]
    assert [entry["text"] for entry in page] == ["2", "1", "0"]
    answer = await http.get(f"{path}?order=random")
    assert (answer.status_code, answer.json()["field"]) == (422, "order")


async def test_history_is_checked(http: httpx.AsyncClient) -> None:
    path = f"/phones/{OURS}/history"
    refused = await http.post(f"{path}/sync", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_history")
    message = {"from": THEIRS, "type": "image", "media": {}}
    answer = await http.post(path, json={"chats": [{"with": THEIRS, "messages": [message]}]})
    assert answer.json()["field"] == "chats.0.messages.0.media.base64"
    answer = await http.post(path, json={"chats": [{"with": THEIRS}, {"with": THEIRS}]})
    assert answer.json()["field"] == "chats"
    kept = await http.post(path, json={"chats": [{"with": THEIRS, "name": "T"}]})
    assert (await http.get(path)).json() == kept.json()
    assert (await http.post(path, json={"chats": []})).json() == {"chats": []}
