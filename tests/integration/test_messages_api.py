"""Messages and conversations over REST: filters, pages, and never another workspace's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from messaging import chats
from messaging.models import Chat
from sessions_mgr import services
from tests.factories import (
    AccountFactory,
    ChatFactory,
    ContactFactory,
    MediaFactory,
    MessageFactory,
)

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def account(workspace):
    return AccountFactory(workspace=workspace, connected=True)


@pytest.fixture
def chat(account):
    return ChatFactory(account=account)


def said(chat, number=1, **fields):
    """Messages a minute apart, oldest first."""
    made = [
        MessageFactory(
            account=chat.account,
            chat_row=chat,
            text=f"message {n}",
            timestamp=NOW + timedelta(minutes=n),
            **fields,
        )
        for n in range(number)
    ]
    for message in made:
        chat.refresh_from_db()
        chats.note(chat, message)
    return made


def texts(response):
    assert response.status_code == 200, response.json()
    return [m["text"] for m in response.json()["results"]]


def test_messages_newest_first_in_pages(api, account, chat):
    said(chat, 5)
    address = f"/api/v1/accounts/{account.pk}/messages?limit=2"

    found = []
    while address:
        page = api.get(address)
        found += texts(page)
        address = page.json()["next"]

    assert found == [f"message {n}" for n in (4, 3, 2, 1, 0)]


def test_a_page_costs_a_fixed_number_of_queries(api, account, chat, django_assert_max_num_queries):
    for message in said(chat, 30, type="image"):
        MediaFactory(message=message)

    with django_assert_max_num_queries(12):
        assert len(texts(api.get(f"/api/v1/accounts/{account.pk}/messages"))) == 30


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("direction=out", ["ours"]),
        ("direction=in", ["picture", "theirs"]),
        ("type=image", ["picture"]),
        ("type=image,text", ["picture", "ours", "theirs"]),
        ("status=read", ["ours"]),
        ("status=received,read", ["picture", "ours", "theirs"]),
        ("direction=out&type=image", []),
    ],
)
def test_filters(api, account, chat, query, wanted):
    fields = {"account": account, "chat_row": chat}
    MessageFactory(text="theirs", timestamp=NOW, **fields)
    MessageFactory(
        text="ours", direction="out", status="read", timestamp=NOW + timedelta(1), **fields
    )
    MessageFactory(text="picture", type="image", timestamp=NOW + timedelta(2), **fields)

    assert texts(api.get(f"/api/v1/accounts/{account.pk}/messages?{query}")) == wanted


def test_after_a_message_or_a_time(api, account, chat):
    first, second, _third = said(chat, 3)
    address = f"/api/v1/accounts/{account.pk}/messages"

    assert texts(api.get(address, {"after": str(second.pk)})) == ["message 2"]
    assert texts(api.get(address, {"after": first.timestamp.isoformat()})) == [
        "message 2",
        "message 1",
    ]


@pytest.mark.parametrize(
    "query",
    [
        "direction=sideways",
        "status=lost",
        "type=a%20b",
        "after=yesterday",
        "after=00000000-0000-0000-0000-000000000000",
        "after=2026-99-99T00:00:00Z",
    ],
)
def test_a_wrong_filter_is_named(api, account, query):
    response = api.get(f"/api/v1/accounts/{account.pk}/messages?{query}")

    assert response.status_code == 422
    assert response.json()["detail"].startswith(query.partition("=")[0])


def test_messages_of_one_chat_by_any_of_its_names(api, account, chat):
    said(chat, 1)
    said(ChatFactory(account=account), 2)

    for name in (chat.jid, chat.lid, f"+{chat.jid.partition('@')[0]}"):
        found = api.get(f"/api/v1/accounts/{account.pk}/messages", {"chat": name})
        assert texts(found) == ["message 0"]
        thread = api.get(f"/api/v1/accounts/{account.pk}/chats/{name}/messages")
        assert texts(thread) == ["message 0"]


def test_a_chat_that_does_not_exist(api, account):
    base = f"/api/v1/accounts/{account.pk}"

    assert texts(api.get(f"{base}/messages", {"chat": "+19999999"})) == []
    assert api.get(f"{base}/chats/+19999999/messages").status_code == 404
    assert api.get(f"{base}/chats/{'9' * 500}@lid/messages").status_code == 404


def test_one_message(api, account, chat):
    [message] = said(chat)

    shown = api.get(f"/api/v1/messages/{message.pk}").json()

    assert (shown["id"], shown["account_id"]) == (str(message.pk), str(account.pk))
    assert (shown["status"], shown["chat"]["jid"]) == ("received", chat.jid)


def test_conversations_the_one_that_moved_last_first(api, account):
    old, new = ChatFactory(account=account), ChatFactory(account=account, name="Work")
    ChatFactory(account=account, name="nothing said")
    said(old, 1)
    said(new, 3)

    results = api.get(f"/api/v1/accounts/{account.pk}/chats").json()["results"]

    assert [chat["id"] for chat in results][:2] == [new.pk, old.pk]
    assert results[0]["unread"] == 3
    assert results[0]["last_message"]["text"] == "message 2"
    assert (results[2]["name"], results[2]["last_message"]) == ("nothing said", None)


def test_conversations_in_pages(api, account):
    for number in range(5):
        said(ChatFactory(account=account), number)
    address, found = f"/api/v1/accounts/{account.pk}/chats?limit=2", []
    while address:
        page = api.get(address).json()
        found += [chat["id"] for chat in page["results"]]
        address = page["next"]

    assert len(found) == len(set(found)) == 5


def test_a_chat_is_called_as_the_address_book_calls_the_person(api, account, chat):
    ContactFactory(
        account=account, jid=chat.jid, lid=chat.lid, phone_number="+16660", full_name="Ann Smith"
    )

    [shown] = api.get(f"/api/v1/accounts/{account.pk}/chats").json()["results"]

    assert (shown["name"], shown["phone_number"]) == ("Ann Smith", "+16660")


def test_unread_and_archived_conversations(api, account, chat):
    ChatFactory(account=account, archived=True)
    said(chat)
    address = f"/api/v1/accounts/{account.pk}/chats"

    assert [c["id"] for c in api.get(f"{address}?unread=true").json()["results"]] == [chat.pk]
    assert len(api.get(f"{address}?archived=true").json()["results"]) == 1
    assert api.get(f"{address}?archived=maybe").status_code == 422


def test_what_was_revoked_is_not_in_the_list_of_chats(api, account, chat):
    [message] = said(chat)
    type(message).objects.update(revoked_at=NOW)

    [shown] = api.get(f"/api/v1/accounts/{account.pk}/chats").json()["results"]

    assert shown["last_message"]["text"] == ""


PATHS = [
    "/api/v1/accounts/{account}/messages",
    "/api/v1/accounts/{account}/chats",
    "/api/v1/accounts/{account}/chats/{jid}/messages",
    "/api/v1/messages/{message}",
]


def addresses(message):
    names = {
        "account": message.account_id,
        "jid": message.chat_row.jid,
        "message": message.pk,
    }
    return [path.format(**names) for path in PATHS]


def test_another_workspaces_messages_do_not_exist(api):
    for address in addresses(MessageFactory()):
        assert api.get(address).status_code == 404, address


def test_a_deleted_numbers_messages_do_not_exist(api, account, chat):
    [message] = said(chat)
    services.delete_account(account=account)

    for address in addresses(message):
        assert api.get(address).status_code == 404, address


def test_without_a_key_there_is_nothing(client):
    for address in addresses(MessageFactory()):
        assert client.get(address).status_code == 401, address


def test_a_key_that_may_only_send_reads_nothing(client, account, chat):
    from tests.factories import api_key

    key = api_key(account.workspace, scopes=("send",))
    [message] = said(chat)
    for address in addresses(message):
        response = client.get(address, HTTP_AUTHORIZATION=f"Bearer {key}")
        assert response.status_code == 403, address


def test_unread_counts_only_what_came_after_what_was_read(account, chat):
    first, second, third = said(chat, 3)
    chat.refresh_from_db()

    chats.mark_read(chat, second.timestamp)
    assert Chat.objects.get(pk=chat.pk).unread == 1
    chats.mark_read(chat, first.timestamp)
    assert Chat.objects.get(pk=chat.pk).unread == 1
    chats.mark_read(chat, third.timestamp)
    assert Chat.objects.get(pk=chat.pk).unread == 0
