"""Sending, pages, feeds and signatures, against a server of this test's own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import httpx
import pytest
from standardwebhooks import Webhook
from switchboard_client import Gone, Invalid, InvalidSignature, Switchboard, verify
from switchboard_client.models import Account, Event
from switchboard_client.resources import events

ACCOUNT = "6f1c0a52-5d3e-4c86-9f2b-0d7f6b1f2a10"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def event(seq):
    return {
        "id": f"evt_{seq}",
        "seq": seq,
        "type": "message",
        "account_id": ACCOUNT,
        "occurred_at": "2026-01-05T12:00:00Z",
        "recorded_at": "2026-01-05T12:00:00Z",
        "data": {"text": f"message {seq}"},
    }


def member(n):
    return {"id": ACCOUNT, "email": f"{n}@example.test", "name": "", "role": "viewer"} | {
        "joined_at": "2026-01-05T12:00:00Z"
    }


@pytest.fixture
def client():
    """Make a client of a server that is this function."""
    opened = []

    def make(server):
        transport = httpx.MockTransport(server)
        opened.append(Switchboard("http://example.test", "key", http=transport))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(events, "PAUSE", 0.0)


def test_every_send_has_a_key_of_its_own_or_the_callers(client):
    keys = []

    def server(request):
        keys.append(request.headers["idempotency-key"])
        return httpx.Response(422, json={"code": "invalid_recipient", "detail": "to: …"})

    api = client(server)
    for given in (None, None, "order-4711"):
        with pytest.raises(Invalid):
            api.messages.send(ACCOUNT, idempotency_key=given, to="Ann", type="text", text="x")
    assert len(set(keys)) == 3
    assert keys[2] == "order-4711"


def test_a_list_is_walked_to_its_end_and_only_the_cursor_is_followed(client):
    asked = []

    def server(request):
        asked.append(request.url)
        n = int(request.url.params.get("cursor", "0"))
        more = f"https://elsewhere.example/steal?cursor={n + 1}&limit=2" if n < 2 else None
        page = {"results": [member(2 * n), member(2 * n + 1)], "next": more, "previous": None}
        return httpx.Response(200, json=page)

    found = [one.email for one in client(server).members.list(limit=2)]

    assert found == [f"{n}@example.test" for n in range(6)]
    assert {url.host for url in asked} == {"example.test"}
    assert {url.params["limit"] for url in asked} == {"2"}


def test_pages_are_fetched_as_they_are_needed(client):
    asked = []

    def server(request):
        asked.append(request)
        link = "http://example.test/?cursor=x"
        return httpx.Response(200, json={"results": [member(1)], "next": link, "previous": None})

    list(islice(client(server).members.list(), 2))
    assert len(asked) == 2


def test_following_goes_on_from_next_after_and_survives_an_absent_server(client):
    asked = []

    def server(request):
        after = int(request.url.params["after"])
        asked.append(after)
        if len(asked) in (2, 3, 4, 5):
            raise httpx.ConnectError("away")
        # A filter left out the event after the first one.
        return httpx.Response(200, json={"results": [event(after + 1)], "next_after": after + 2})

    api = client(server)
    api.events._transport.attempts = 1
    found = [one.seq for one in islice(api.events.follow(after=40), 3)]

    assert found == [41, 43, 45]
    assert asked == [40, 42, 42, 42, 42, 42, 44]


def frames(*seqs):
    return "retry: 2000\n\n" + "".join(
        f": still here\n\nid: {n}\nevent: message\ndata: {json.dumps(event(n))}\n\n" for n in seqs
    )


def test_a_stream_that_ends_is_opened_again_where_it_ended(client):
    asked = []

    def server(request):
        asked.append(request.url.params.get("after"))
        text = frames(41, 42) if len(asked) == 1 else frames(43)
        return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})

    found = [one.seq for one in islice(client(server).events.stream(), 3)]

    assert found == [41, 42, 43]
    assert asked == [None, "42"]


def test_a_stream_that_fell_behind_retention_says_so(client):
    text = 'event: cursor_expired\ndata: {"oldest": 900}\n\n'

    def server(request):
        return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})

    with pytest.raises(Gone) as raised:
        next(client(server).events.stream(after=3))
    assert (raised.value.code, raised.value.extra["oldest"]) == ("cursor_expired", 900)


def test_values_that_a_newer_server_has_are_taken(client):
    known = dict.fromkeys(Account.model_fields) | {
        "id": ACCOUNT,
        "label": "Sales",
        "status": "hibernating",
        "desired": "connected",
        "push_name": "",
        "restrictions": [],
        "metadata": {},
        "created_at": "2026-01-05T12:00:00Z",
        "updated_at": "2026-01-05T12:00:00Z",
        "colour": "green",
    }
    account = client(lambda _: httpx.Response(200, json=known)).accounts.get(UUID(ACCOUNT))

    assert account.status == "hibernating"
    assert account.model_extra == {"colour": "green"}


def test_ids_cannot_leave_their_place_in_the_path(client):
    asked = []

    def server(request):
        asked.append(request.url.raw_path)
        return httpx.Response(404, json={})

    with pytest.raises(Exception, match="404"):
        client(server).accounts.get("../../admin?x=/")
    assert asked == [b"/api/v1/accounts/..%2F..%2Fadmin%3Fx%3D%2F"]


@pytest.mark.parametrize(("url", "key"), [("", "key"), ("example.test", "key"), ("http://x", "")])
def test_a_client_without_address_or_key_is_refused(url, key, monkeypatch):
    monkeypatch.delenv("SWITCHBOARD_URL", raising=False)
    monkeypatch.delenv("SWITCHBOARD_API_KEY", raising=False)

    with pytest.raises(ValueError, match=r"^(url|key):"):
        Switchboard(url, key)


def signed(body, at=None):
    at = at or datetime.now(UTC)
    return {
        "Webhook-Id": "evt_41",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign("evt_41", at, body.decode()),
    }


def test_a_signed_request_is_its_event():
    body = json.dumps(event(41)).encode()

    found = verify(SECRET, body, signed(body))
    assert isinstance(found, Event)
    assert (found.seq, found.data) == (41, {"text": "message 41"})


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b'{"seq": 41}', signed(b'{"seq": 42}'), id="another body"),
        pytest.param(b"{}", {}, id="no signature"),
        pytest.param(
            b"{}", signed(b"{}", datetime.now(UTC) - timedelta(minutes=6)), id="six minutes old"
        ),
        pytest.param(b"no json", signed(b"no json"), id="no JSON"),
        pytest.param(b"{}", signed(b"{}"), id="no event"),
    ],
)
def test_anything_else_is_refused(body, headers):
    with pytest.raises(InvalidSignature):
        verify(SECRET, body, headers)
