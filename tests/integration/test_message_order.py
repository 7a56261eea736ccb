"""Messages of one second: in the order in which they came, on every page, in both directions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.api import places
from messaging import threads
from messaging.models import Message
from messaging.models.messages import NEWEST_FIRST
from tests.factories import AccountFactory, ChatFactory, MessageFactory

pytestmark = pytest.mark.django_db

NOON = timezone.now().replace(microsecond=0)


@pytest.fixture
def chat(workspace):
    account = AccountFactory(workspace=workspace, connected=True)
    return ChatFactory(account=account, jid="15550009@s.whatsapp.net")


def said(chat, number, *, second=0, start=0):
    """`number` messages of one second, each a moment after the other."""
    return [
        MessageFactory(
            account=chat.account,
            chat_row=chat,
            text=f"{second}.{n}",
            timestamp=NOON + timedelta(seconds=second),
            created_at=NOON + timedelta(seconds=100 + second, microseconds=n),
        )
        for n in range(start, start + number)
    ]


def texts(page):
    return [one["text"] for one in page["results"]]


class Reader:
    def __init__(self, api, first):
        self.api, self.first = api, first

    def get(self, url=None):
        answer = self.api.get(url or self.first)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def all(self, page, way):
        """The pages from this one on, in one direction."""
        pages = [page]
        while page[way]:
            page = self.get(page[way])
            pages.append(page)
        return pages


@pytest.fixture(params=["messages", "chats/15550009@s.whatsapp.net/messages"])
def reader(api, chat, request):
    return Reader(api, f"/api/v1/accounts/{chat.account_id}/{request.param}?limit=3")


def test_pages_of_one_second_are_newest_first_there_and_back(reader, chat):
    said(chat, 4), said(chat, 7, second=1), said(chat, 2, second=2)
    expected = texts({"results": [{"text": m.text} for m in newest_first(chat)]})
    assert expected == [
        f"{s}.{n}" for s, count in ((2, 2), (1, 7), (0, 4)) for n in range(count)[::-1]
    ]

    there = reader.all(reader.get(), "next")
    assert [text for page in there for text in texts(page)] == expected
    back = reader.all(there[-1], "previous")
    assert [text for page in reversed(back) for text in texts(page)] == expected


def newest_first(chat):
    return sorted(
        Message.objects.filter(chat_row=chat),
        key=lambda m: (m.timestamp, m.created_at, m.pk),
        reverse=True,
    )


def test_what_comes_while_somebody_reads_shows_nothing_twice_and_leaves_nothing_out(reader, chat):
    said(chat, 9)
    first = reader.get()
    said(chat, 5, start=9)  # of the same second, before the place of the reader
    said(chat, 3, second=5)

    rest = reader.all(reader.get(first["next"]), "next")

    seen = texts(first) + [text for page in rest for text in texts(page)]
    assert seen == [f"0.{n}" for n in range(9)[::-1]]
    newer = reader.get(rest[0]["previous"])
    assert texts(newer) == ["0.8", "0.7", "0.6"]
    newest = reader.all(newer, "previous")[-1]
    assert texts(newest)[0] == "5.2"


def test_what_goes_while_somebody_reads_leaves_nothing_out(reader, chat):
    messages = said(chat, 9)
    first = reader.get()
    for message in messages[-5:]:
        message.delete()

    rest = reader.all(reader.get(first["next"]), "next")

    assert [text for page in rest for text in texts(page)] == ["0.3", "0.2", "0.1", "0.0"]


def test_after_a_message_comes_what_came_later_in_its_second(reader, chat):
    messages = said(chat, 4)

    page = reader.get(f"{reader.first}&after={messages[1].pk}")

    assert texts(page) == ["0.3", "0.2"]


def test_messages_that_came_at_one_moment_still_have_one_order(reader, chat):
    said(chat, 8)
    Message.objects.update(created_at=NOON)

    pages = reader.all(reader.get(), "next")

    seen = [one["id"] for page in pages for one in page["results"]]
    assert seen == sorted(seen, reverse=True) and len(set(seen)) == 8


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "AAAA",
        "WzBd",
        "cD0yMDI2",
        "W10",
        "W3RydWUsMSwyLDNd",
        "é",
        pytest.param("A" * 2000, id="long"),
    ],
)
def test_a_cursor_that_is_none_is_refused_by_name(api, chat, cursor):
    answer = api.get(f"/api/v1/accounts/{chat.account_id}/messages", {"cursor": cursor})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["cursor"])


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["2026-01-01"], id="of another list"),
        pytest.param(["soon", "2026-01-01T00:00:00Z", "0" * 32], id="no time"),
        pytest.param(
            ["0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00Z", "0" * 32], id="too early"
        ),
        pytest.param(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "me"], id="no id"),
        pytest.param(["2026-01-01T00:00:00Z\0", "2026-01-01T00:00:00Z", "0" * 32], id="nul"),
        pytest.param([1, 2, 3], id="numbers"),
    ],
)
def test_values_that_no_row_has_are_no_place(values):
    text = places.base64.urlsafe_b64encode(places.json.dumps([0, *values]).encode()).decode()
    with pytest.raises(places.NoPlace):
        places.read(NEWEST_FIRST, Message, text)


@given(text=st.text(max_size=60))
def test_any_text_is_a_place_or_none(text):
    try:
        place = places.read(NEWEST_FIRST, Message, text)
    except places.NoPlace:
        return
    assert len(place.values) == 3


def test_a_place_comes_back_as_it_was_written(chat):
    [message] = said(chat, 1)
    text = places.written(NEWEST_FIRST, message, back=True)
    place = places.read(NEWEST_FIRST, Message, text)
    assert place == places.Place(True, (message.timestamp, message.created_at, message.pk))


def test_a_conversation_is_read_by_its_index(chat):
    """A page in the middle reads its own rows, not all of the chat's."""
    messages = said(chat, 20)
    for found, index in (
        (threads.messages_in(chat).before(messages[10]), "message_chat_order_idx"),
        (threads.messages_of(chat.account).before(messages[10]), "message_order_idx"),
    ):
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL enable_seqscan = off")
        plan = found.select_related(None)[:5].explain()
        assert index in plan, plan
        assert "SORT" not in plan.upper().replace("SORT KEY", ""), plan


def test_accounts_made_at_one_moment_are_on_one_page_each(api, workspace):
    made = {
        AccountFactory(workspace=workspace, label=f"{n}", created_at=NOON).label for n in range(7)
    }

    pages = Reader(api, "/api/v1/accounts?limit=2").all(
        api.get("/api/v1/accounts?limit=2").json(), "next"
    )

    seen = [one["label"] for page in pages for one in page["results"]]
    assert len(seen) == 7 and set(seen) == made
