"""The rules of groups, over the control API and without clients."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.network.groups import Groups
from sandbox.network.hub import Network
from sandbox.network.store import Store
from tests.unit.sandbox.test_control import OURS, THEIRS, http, phones

__all__ = ["http", "phones"]

THIRD = "+15550003003"
NOBODY = "+15559999999"


@pytest.fixture
async def three(phones: httpx.AsyncClient) -> httpx.AsyncClient:
    assert (await phones.post("/phones", json={"phone_number": THIRD})).status_code == 201
    return phones


@pytest.fixture
async def group(three: httpx.AsyncClient) -> str:
    body = {"owner": OURS, "subject": "Friends", "participants": [THEIRS, THIRD, NOBODY]}
    made = await three.post("/groups", json=body)
    assert made.status_code == 201
    assert made.json()["refused"] == [{"phone_number": NOBODY, "code": 404}]
    return str(made.json()["jid"])


async def inbox(http: httpx.AsyncClient, number: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = (await http.get(f"/phones/{number}/inbox")).json()["results"]
    return results


async def test_every_phone_of_a_group_reads_what_one_says(
    three: httpx.AsyncClient, group: str
) -> None:
    for author in (OURS, THEIRS, OURS):
        body = {"group": group, "type": "text", "text": f"by {author}"}
        sent = await three.post(f"/phones/{author}/messages", json=body)
        assert sent.status_code == 202
    assert [one["text"] for one in await inbox(three, THIRD)] == [
        f"by {OURS}",
        f"by {THEIRS}",
        f"by {OURS}",
    ]
    assert [one["from"] for one in await inbox(three, OURS)] == [THEIRS]
    receipts = (await three.get(f"/phones/{THEIRS}/receipts")).json()["results"]
    assert {(one["from"], one["group"]) for one in receipts} == {(OURS, group), (THIRD, group)}


async def test_who_was_removed_reads_nothing_that_comes_later(
    three: httpx.AsyncClient, group: str
) -> None:
    text = {"group": group, "type": "text", "text": "before"}
    await three.post(f"/phones/{OURS}/messages", json=text)
    body = {"by": OURS, "action": "remove", "participants": [THIRD]}
    removed = await three.post(f"/groups/{group}/participants", json=body)
    assert removed.json() == {"results": [{"phone_number": THIRD, "code": 200}]}
    await three.post(f"/phones/{OURS}/messages", json=text | {"text": "after"})
    assert [one["text"] for one in await inbox(three, THIRD)] == ["before"]
    assert [one["text"] for one in await inbox(three, THEIRS)] == ["before", "after"]
    refused = await three.post(f"/phones/{THIRD}/messages", json=text)
    assert (refused.status_code, refused.json()["code"]) == (403, "group_forbidden")


async def test_a_phone_that_was_offline_reads_the_group_later(
    three: httpx.AsyncClient, group: str
) -> None:
    await three.post(f"/phones/{THIRD}/offline")
    text = {"group": group, "type": "text", "text": "{n}", "count": 2}
    await three.post(f"/phones/{OURS}/messages", json=text)
    assert await inbox(three, THIRD) == []
    await three.post(f"/phones/{THIRD}/online")
    assert [one["text"] for one in await inbox(three, THIRD)] == ["0", "1"]


async def test_a_phone_that_starts_anew_is_understood_again(
    three: httpx.AsyncClient, group: str
) -> None:
    text = {"group": group, "type": "text", "text": "before"}
    for author in (OURS, THIRD):
        await three.post(f"/phones/{author}/messages", json=text)
    assert (await three.post(f"/phones/{THIRD}/reinstall")).status_code == 200
    for author in (OURS, THIRD):
        await three.post(f"/phones/{author}/messages", json=text | {"text": "after"})
    assert [one["text"] for one in await inbox(three, THIRD)] == ["before", "after"]
    assert [one["text"] for one in await inbox(three, OURS)] == ["before", "after"]
    private = {"to": THIRD, "text": "in private"}
    await three.post(f"/phones/{OURS}/messages", json=private)
    assert (await inbox(three, THIRD))[-1]["text"] == "in private"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("", {"owner": OURS, "subject": "x" * 101}, 422, "group_not_acceptable"),
        ("", {"owner": OURS}, 422, "invalid"),
        ("", {"owner": NOBODY, "subject": "x"}, 404, "unknown_phone"),
        ("/none@g.us/leave", {"by": OURS}, 404, "unknown_group"),
        ("/{group}/leave", {"by": NOBODY}, 404, "unknown_phone"),
        ("/{group}/invite", {"by": THEIRS}, 403, "not_group_admin"),
        ("/{group}/settings", {"by": THEIRS, "announce": True}, 403, "group_forbidden"),
        ("/{group}/settings", {"by": OURS, "add_mode": "all"}, 422, "invalid"),
        ("/{group}/settings", {"by": OURS, "expiration": -1}, 422, "invalid"),
        ("/{group}/participants", {"by": OURS, "action": "kill"}, 422, "invalid"),
        ("/{group}/picture", {"by": OURS, "base64": "!"}, 422, "invalid"),
        ("/join", {"by": OURS, "code": "nothing"}, 422, "group_not_acceptable"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    three: httpx.AsyncClient, group: str, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await three.post("/groups" + path.format(group=group), json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_only_admins_change_a_locked_group(three: httpx.AsyncClient, group: str) -> None:
    settings = f"/groups/{group}/settings"
    assert (await three.post(settings, json={"by": THEIRS, "subject": "Mine"})).status_code == 200
    await three.post(settings, json={"by": OURS, "locked": True})
    assert (await three.post(settings, json={"by": THEIRS, "subject": "No"})).status_code == 403
    await three.post(settings, json={"by": OURS, "add_mode": "admin_add"})
    body = {"by": THEIRS, "action": "add", "participants": [THIRD]}
    assert (await three.post(f"/groups/{group}/participants", json=body)).status_code == 403


async def test_a_group_is_kept(
    three: httpx.AsyncClient, group: str, network: Network, store: Store
) -> None:
    settings = {"by": OURS, "description": "About", "announce": True, "expiration": 60}
    await three.post(f"/groups/{group}/settings", json=settings)
    (kept,) = Groups(store)
    (known,) = network.groups
    assert kept.to_document() == known.to_document()
    assert (kept.description.text, kept.announce, kept.expiration) == ("About", True, 60)


async def test_an_address_book_is_replaced(phones: httpx.AsyncClient) -> None:
    path = f"/phones/{OURS}/contacts"
    one = {"phone_number": THEIRS, "full_name": "One"}
    two = {"phone_number": NOBODY, "full_name": "Two", "first_name": "T"}
    await phones.put(path, json={"contacts": [one]})
    await phones.put(path, json={"contacts": [two]})
    assert (await phones.get(path)).json()["results"] == [
        {"jid": "15559999999@s.whatsapp.net", "full_name": "Two", "first_name": "T"}
    ]
    wrong = await phones.put(path, json={"contacts": [{"full_name": "Nobody"}]})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "contacts.0.phone_number")


async def test_chats_are_muted_and_archived(phones: httpx.AsyncClient) -> None:
    path = f"/phones/{OURS}/chats"
    await phones.post(path, json={"chat": THEIRS, "archived": True})
    await phones.post(path, json={"chat": THEIRS, "muted_until": -1})
    await phones.post(path, json={"chat": "120363000000000000@g.us", "muted_until": 2_000_000_000})
    assert (await phones.get(path)).json()["results"] == [
        {"jid": "15550002002@s.whatsapp.net", "archived": True, "muted_until": -1},
        {"jid": "120363000000000000@g.us", "muted_until": 2_000_000_000},
    ]


async def test_a_call_to_oneself_is_refused(phones: httpx.AsyncClient) -> None:
    refused = await phones.post(f"/phones/{OURS}/calls", json={"to": OURS})
    assert (refused.status_code, refused.json()["field"]) == (422, "to")
    made = await phones.post(f"/phones/{OURS}/calls", json={"to": THEIRS})
    path = f"/phones/{THEIRS}/calls/{made.json()['id']}"
    assert (await phones.delete(path)).json()["code"] == "unknown_call"
    path = f"/phones/{OURS}/calls/{made.json()['id']}"
    assert (await phones.delete(path)).json()["state"] == "hung_up"
    assert (await phones.delete(path)).json()["code"] == "call_ended"
