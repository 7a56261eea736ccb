"""The control API over a real loopback socket, against a network without clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.control.server import MAX_BODY_BYTES, ControlServer
from sandbox.network.hub import Network

TOKEN = "token"
OURS, THEIRS = "+15550001001", "+15550002002"


@pytest.fixture
async def http(network: Network) -> AsyncIterator[httpx.AsyncClient]:
    server = ControlServer(network, TOKEN)
    server.description = {"proxy_url": "http://127.0.0.1:1"}
    port = await server.start()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    base_url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
        yield client
    await server.close()


@pytest.fixture
async def phones(http: httpx.AsyncClient) -> httpx.AsyncClient:
    for number in (OURS, THEIRS):
        assert (await http.post("/phones", json={"phone_number": number})).status_code == 201
    return http


async def test_only_health_is_open(http: httpx.AsyncClient) -> None:
    stranger = {"Authorization": "Bearer wrong"}
    assert (await http.get("/health", headers=stranger)).status_code == 200
    refused = await http.get("/phones", headers=stranger)
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")


async def test_a_phone_is_made_once(http: httpx.AsyncClient) -> None:
    made = await http.post("/phones", json={"phone_number": OURS, "name": "Ours"})
    assert made.status_code == 201
    phone = made.json()
    assert (phone["name"], phone["jid"]) == ("Ours", "15550001001@s.whatsapp.net")
    assert phone["lid"].endswith("@lid")
    assert (await http.get(f"/phones/{OURS}")).json() == phone
    assert (await http.get("/phones/%2B15550001001")).json() == phone
    assert (await http.get("/phones")).json() == {"results": [phone]}
    again = await http.post("/phones", json={"phone_number": OURS})
    assert (again.status_code, again.json()["code"]) == (409, "phone_exists")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nothing", None, 404, "unknown_path"),
        ("PUT", "/phones", {}, 405, "method_not_allowed"),
        ("GET", "/phones/+15559", None, 422, "invalid"),
        ("GET", "/phones/+15559999999", None, 404, "unknown_phone"),
        ("POST", "/phones", {"phone_number": "hello"}, 422, "invalid"),
        ("POST", "/phones", {"phone_number": 5}, 422, "invalid"),
        ("POST", f"/phones/{OURS}/scan", {}, 422, "invalid"),
        ("POST", f"/phones/{OURS}/scan", {"qr": "hello"}, 422, "bad_qr"),
        ("POST", f"/phones/{OURS}/pair", {"code": "ABCD-1234"}, 409, "no_code_requested"),
        (
            "POST",
            f"/phones/{OURS}/messages",
            {"to": THEIRS, "type": "smoke"},
            422,
            "unsupported_type",
        ),
        ("POST", f"/phones/{OURS}/messages", {"to": THEIRS}, 422, "invalid"),
        ("POST", f"/phones/{OURS}/read", {"wa_id": "X"}, 404, "unknown_message"),
        ("POST", f"/phones/{OURS}/picture", {"base64": "!"}, 422, "invalid"),
        ("POST", f"/phones/{OURS}/picture", {}, 422, "invalid"),
        ("POST", f"/phones/{OURS}/unlink", {"jid": "1:1@lid"}, 404, "unknown_device"),
        ("GET", f"/phones/{OURS}/inbox?after=x", None, 422, "invalid"),
        ("POST", "/faults", {"kind": "rain"}, 422, "invalid"),
        ("POST", "/faults", {"kind": "drop", "jid": "1:1@lid"}, 404, "unknown_device"),
        ("POST", "/faults", {"kind": "slow", "seconds": -1}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_done_is_said_with_a_code(
    phones: httpx.AsyncClient, method: str, path: str, body: Any, status: int, code: str
) -> None:
    answer = await phones.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_invalid_field_is_named(phones: httpx.AsyncClient) -> None:
    body = {"to": THEIRS, "text": "x", "count": 10_001}
    answer = (await phones.post(f"/phones/{OURS}/messages", json=body)).json()
    assert answer["field"] == "count"


@pytest.mark.parametrize("content", [b"{", b"[1]"])
async def test_a_body_that_is_no_object_is_refused(http: httpx.AsyncClient, content: bytes) -> None:
    answer = await http.post("/phones", content=content)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_json")


async def test_a_body_that_is_too_large_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/phones", content=bytes(MAX_BODY_BYTES + 1))
    assert answer.status_code == 413


async def test_two_virtual_phones_talk_and_read(phones: httpx.AsyncClient) -> None:
    body = {"to": THEIRS, "text": "hello {n}", "count": 3}
    sent = await phones.post(f"/phones/{OURS}/messages", json=body)
    assert sent.status_code == 202
    ids = sent.json()["ids"]
    inbox = (await phones.get(f"/phones/{THEIRS}/inbox")).json()["results"]
    assert [entry["text"] for entry in inbox] == ["hello 0", "hello 1", "hello 2"]
    assert [entry["wa_id"] for entry in inbox] == ids
    await phones.post(f"/phones/{THEIRS}/read", json={"wa_id": ids[0]})
    receipts = (await phones.get(f"/phones/{OURS}/receipts")).json()["results"]
    assert [entry["type"] for entry in receipts] == ["delivery"] * 3 + ["read"]


async def test_a_phone_that_is_offline_gets_its_messages_later(
    phones: httpx.AsyncClient,
) -> None:
    assert not (await phones.post(f"/phones/{THEIRS}/offline")).json()["online"]
    await phones.post(f"/phones/{OURS}/messages", json={"to": THEIRS, "text": "later"})
    assert (await phones.get(f"/phones/{THEIRS}/inbox")).json()["results"] == []
    refused = await phones.post(f"/phones/{THEIRS}/messages", json={"to": OURS, "text": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "phone_offline")
    await phones.post(f"/phones/{THEIRS}/online")
    (message,) = (await phones.get(f"/phones/{THEIRS}/inbox")).json()["results"]
    assert message["text"] == "later"


async def test_faults_are_armed_listed_and_cleared(phones: httpx.AsyncClient) -> None:
    body = {"kind": "failure", "phone_number": OURS, "code": 402, "ban_code": 101}
    armed = (await phones.post("/faults", json=body)).json()
    assert (armed["code"], armed["count"], armed["hit"]) == (402, 1, [])
    assert len((await phones.get("/faults")).json()["results"]) == 1
    cleared = await phones.post("/faults", json={**body, "clear": True})
    assert len(cleared.json()["cleared"]) == 1
    assert (await phones.delete("/faults")).json() == {"cleared": []}


async def test_a_picture_is_set_and_removed(phones: httpx.AsyncClient) -> None:
    answer = await phones.post(f"/phones/{OURS}/picture", json={"base64": "AAAA"})
    assert answer.json()["picture_id"]
    answer = await phones.post(f"/phones/{OURS}/picture", json={"base64": None})
    assert answer.json()["picture_id"] is None
