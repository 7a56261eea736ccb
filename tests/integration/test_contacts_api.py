"""Contacts, number checks, presence, typing and read marks over REST."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from messaging.models import Chat, Contact, Message
from tests.factories import AccountFactory, WorkspaceFactory, api_key
from tests.fake_bus import Refusal, fake_bus  # noqa: F401 a fixture, by the name `bus`
from tests.integration.test_accounts_api import problem
from tests.life import connected_account

pytestmark = pytest.mark.django_db

ANN = "15550009@s.whatsapp.net"
GROUP = "120363041234567890@g.us"


@pytest.fixture
def account(workspace):
    return connected_account(workspace=workspace)


@pytest.fixture
def at(account):
    return f"/api/v1/accounts/{account.pk}"


@pytest.fixture
def ann(account):
    return Contact.objects.create(
        account=account,
        jid=ANN,
        lid="90@lid",
        phone_number="+15550009",
        push_name="annie",
        full_name="Ann Example",
    )


# Reading -----------------------------------------------------------------------------------------


def test_a_contact_is_found_by_number_jid_lid_and_device(api, at, ann):
    for name in ("+15550009", ANN, "90@lid", "15550009:3@s.whatsapp.net"):
        told = api.get(f"{at}/contacts/{name}").json()
        assert told["jid"] == ANN
    assert told["name"] == "Ann Example"
    assert (told["push_name"], told["phone_number"], told["lid"]) == (
        "annie",
        "+15550009",
        "90@lid",
    )
    assert told["avatar_url"].endswith(f"{at}/contacts/{ANN}/avatar")
    problem(api.get(f"{at}/contacts/+15550010"), 404, "not_found")


@pytest.mark.parametrize("search", ["ann ex", "ANNIE", "5550009", "90@lid"])
def test_contacts_are_searched_by_every_name(api, at, ann, account, search):
    Contact.objects.create(account=account, jid="15557777@s.whatsapp.net", push_name="Ben")

    found = api.get(f"{at}/contacts", {"search": search}).json()

    assert [c["jid"] for c in found["results"]] == [ANN]


def test_the_list_comes_in_pages_and_knows_one_account_only(api, at, account, workspace):
    for n in range(3):
        Contact.objects.create(account=account, jid=f"1555100{n}@s.whatsapp.net")
    other = connected_account_of_somebody_else(workspace)
    Contact.objects.create(account=other, jid="15559999@s.whatsapp.net")

    first = api.get(f"{at}/contacts", {"limit": 2}).json()
    rest = api.get(first["next"]).json()

    seen = [c["jid"] for c in first["results"] + rest["results"]]
    assert seen == [f"1555100{n}@s.whatsapp.net" for n in range(3)]
    assert rest["next"] is None


def connected_account_of_somebody_else(workspace):
    return AccountFactory(workspace=workspace)


@pytest.mark.parametrize("search", ["x" * 101, "a\x00b"])
def test_a_search_that_is_none_is_refused(api, at, search):
    problem(api.get(f"{at}/contacts", {"search": search}), 422, "invalid")


# Who is on WhatsApp ------------------------------------------------------------------------------


def test_numbers_are_checked_and_each_gets_its_answer(api, at, bus):
    bus.answers["check_numbers"] = {
        "results": [
            {"number": "+15550009", "registered": True, "jid": ANN, "lid": "90@lid"},
            {"number": "+15550010", "registered": False, "jid": "", "lid": ""},
        ]
    }

    told = api.post(
        f"{at}/contacts/check", {"numbers": ["+15550009", "+15550010", "+15550011", "+15550009"]}
    )

    assert told.json() == {
        "results": [
            {"number": "+15550009", "registered": True, "jid": ANN, "lid": "90@lid"},
            {"number": "+15550010", "registered": False, "jid": None, "lid": None},
            {"number": "+15550011", "registered": False, "jid": None, "lid": None},
        ]
    }
    assert bus.args("check_numbers") == [{"numbers": ["+15550009", "+15550010", "+15550011"]}]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"numbers": []},
        {"numbers": "+15550009"},
        {"numbers": ["15550009"]},
        {"numbers": ["+1"]},
        {"numbers": [{"a": 1}]},
        {"numbers": ["+15550009"] * 51},
        {"numbers": [None]},
    ],
)
def test_numbers_that_are_none_are_refused_before_anybody_is_asked(api, at, bus, body):
    answer = api.post(f"{at}/contacts/check", body)

    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == "invalid"
    assert bus.asked == []


REFUSED = [
    (None, 409, "not_connected"),
    (Refusal("not_connected"), 409, "not_connected"),
    (Refusal("session_gone"), 409, "session_gone"),
    (TimeoutError(), 504, "worker_timeout"),
    (Refusal("timeout"), 504, "worker_timeout"),
    (Refusal("rate_limited"), 429, "rate_limited"),
    (Refusal("unknown_op"), 501, "not_supported"),
    (Refusal("internal"), 502, "internal"),
]


@pytest.mark.parametrize(("refusal", "status", "code"), REFUSED)
def test_a_workers_refusal_is_a_problem_with_a_code(api, at, bus, refusal, status, code):
    if refusal is not None:
        bus.answers |= {"check_numbers": refusal, "presence": refusal, "typing": refusal}

    for path, body in (
        ("contacts/check", {"numbers": ["+15550009"]}),
        ("presence", {"state": "available"}),
        (f"chats/{ANN}/typing", {"state": "typing"}),
    ):
        problem(api.post(f"{at}/{path}", body), status, code)


# Presence and typing -----------------------------------------------------------------------------


def test_presence_and_typing_are_passed_on(api, at, bus):
    bus.answers |= {"presence": {}, "typing": {}}

    assert api.post(f"{at}/presence", {"state": "available"}).json() == {"state": "available"}
    assert api.post(f"{at}/chats/+15550009/typing", {"state": "recording"}).status_code == 200
    assert api.post(f"{at}/chats/{GROUP}/typing", {"state": "paused"}).status_code == 200

    assert bus.args("presence") == [{"state": "available"}]
    assert bus.args("typing") == [
        {"to": ANN, "state": "recording"},
        {"to": GROUP, "state": "paused"},
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("presence", {"state": "sleeping"}),
        ("presence", {}),
        ("presence", []),
        (f"chats/{ANN}/typing", {"state": 7}),
        ("chats/nobody/typing", {"state": "typing"}),
        ("chats/1@broadcast/typing", {"state": "typing"}),
    ],
)
def test_other_states_and_chats_are_refused(api, at, bus, path, body):
    answer = api.post(f"{at}/{path}", body)

    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == "invalid"
    assert bus.asked == []


# Read marks --------------------------------------------------------------------------------------


@pytest.fixture
def chat(account):
    return Chat.objects.create(account=account, jid=GROUP, type="group", unread=3)


def said(chat, wa_id, minutes_ago, *, sender=ANN, direction="in", **fields):
    return Message.objects.create(
        account=chat.account,
        chat_row=chat,
        wa_id=wa_id,
        direction=direction,
        chat={"jid": chat.jid, "lid": "", "type": chat.type},
        sender={"jid": sender, "lid": "", "phone_number": "", "push_name": ""},
        type="text",
        timestamp=timezone.now() - timedelta(minutes=minutes_ago),
        **fields,
    )


def test_reading_a_chat_tells_every_sender_and_sets_the_count(api, at, bus, chat):
    said(chat, "A1", 9)
    said(chat, "B1", 8, sender="15550010@s.whatsapp.net")
    said(chat, "A2", 7)
    said(chat, "OURS", 6, direction="out")
    said(chat, "OLD", 600, history=True)
    bus.answers["mark_read"] = {}

    told = api.post(f"{at}/chats/{GROUP}/read", {}).json()

    assert (told["chat"], told["marked"], told["unread"]) == (GROUP, 3, 0)
    assert {(a["sender"], tuple(a["wa_ids"])) for a in bus.args("mark_read")} == {
        (ANN, ("A2", "A1")),
        ("15550010@s.whatsapp.net", ("B1",)),
    }
    assert all(a["chat"] == GROUP and a["played"] is False for a in bus.args("mark_read"))
    assert Chat.objects.get().unread == 0

    again = api.post(f"{at}/chats/{GROUP}/read", {}).json()
    assert (again["marked"], again["unread"], len(bus.asked)) == (0, 0, 2)


def test_reading_up_to_a_message_leaves_the_later_ones(api, at, bus, chat):
    first, _second = said(chat, "A1", 9), said(chat, "A2", 8)
    bus.answers["mark_read"] = {}

    told = api.post(f"{at}/chats/{GROUP}/read", {"message_id": str(first.pk)}).json()

    assert (told["marked"], told["unread"]) == (1, 1)
    assert bus.args("mark_read")[0]["wa_ids"] == ["A1"]


def test_what_whatsapp_was_not_told_is_not_read_here_either(api, at, bus, chat):
    said(chat, "A1", 9)

    problem(api.post(f"{at}/chats/{GROUP}/read", {}), 409, "not_connected")

    assert Chat.objects.get().unread == 3


def test_chats_and_messages_that_are_not_there_are_404(api, at, bus, chat, account):
    problem(api.post(f"{at}/chats/+15557777/read", {}), 404, "not_found")
    problem(api.post(f"{at}/chats/{GROUP}/read", {"message_id": str(uuid4())}), 404, "not_found")
    elsewhere = Chat.objects.create(account=account, jid=ANN)
    message = said(elsewhere, "X", 1)
    problem(api.post(f"{at}/chats/{GROUP}/read", {"message_id": str(message.pk)}), 404, "not_found")
    answer = api.post(f"{at}/chats/{GROUP}/read", {"message_id": "seven"})
    assert answer.status_code in (400, 422)


# Who may -----------------------------------------------------------------------------------------

ADDRESSES = [
    ("get", "contacts", None),
    ("get", f"contacts/{ANN}", None),
    ("post", "contacts/check", {"numbers": ["+15550009"]}),
    ("post", "presence", {"state": "available"}),
    ("post", f"chats/{ANN}/typing", {"state": "typing"}),
    ("post", f"chats/{ANN}/read", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), ADDRESSES)
def test_another_workspaces_account_is_not_there(api, bus, method, path, body):
    stranger = connected_account(workspace=WorkspaceFactory())
    Contact.objects.create(account=stranger, jid=ANN)
    Chat.objects.create(account=stranger, jid=ANN)

    answer = getattr(api, method)(f"/api/v1/accounts/{stranger.pk}/{path}", body)

    problem(answer, 404, "not_found")
    assert bus.asked == []


@pytest.mark.parametrize(("method", "path", "body"), ADDRESSES)
def test_a_key_needs_the_scope(workspace, at, bus, method, path, body):
    scope = "send" if method == "get" else "read"
    client = APIClient(headers={"Authorization": f"Bearer {api_key(workspace, [scope])}"})

    problem(getattr(client, method)(f"{at}/{path}", body), 403, "missing_scope")
    problem(getattr(APIClient(), method)(f"{at}/{path}", body), 401, "no_key")
    assert bus.asked == []
