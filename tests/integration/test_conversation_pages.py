"""The conversations of a number on the pages: found and read, with and without htmx."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from messaging.models import Chat, Message, PollVote, Reaction
from tests.conversation_house import HTMX, PNG, House
from tests.factories import (
    ChatFactory,
    ContactFactory,
    MediaFactory,
)
from tests.pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(client):
    return House(client)


# The list ------------------------------------------------------------------------------------


def test_the_list_names_people_tells_the_last_word_and_counts_the_unread(house):
    house.message(text="where is my parcel?", direction="in")
    Chat.objects.filter(pk=house.chat.pk).update(unread=3)
    page = text_of(house.client.get(house.url("number-conversations")))
    assert "Ann" in page
    assert "where is my parcel?" in page
    assert "3 unread" in page


def test_an_empty_list_says_how_a_message_comes(house):
    Chat.objects.all().delete()
    assert "Nobody has written yet" in text_of(house.client.get(house.url("number-conversations")))


@pytest.mark.parametrize(
    ("query", "found"), [("ann", True), ("777", True), ("bob", False), ("\0", True), ("%", False)]
)
def test_search_looks_at_names_and_numbers(house, query, found):
    house.chat.delete()
    chat = ChatFactory(account=house.account, jid="15557770001@s.whatsapp.net")
    house.chat = chat
    house.message(text="hi")
    page = house.client.get(house.url("number-conversations"), {"q": query}, headers=HTMX)
    assert ('class="chat"' in page.content.decode()) is found


def test_the_list_takes_the_same_queries_for_one_chat_as_for_twenty(
    house, django_assert_max_num_queries
):
    for n in range(20):
        house.message(chat_row=ChatFactory(account=house.account), text=str(n))
    house.client.get(house.url("number-conversations"))  # the first request notes the login
    with django_assert_max_num_queries(14):
        house.client.get(house.url("number-conversations"), headers=HTMX)


# The thread ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": "<b>bold</b>"}, "&lt;b&gt;bold&lt;/b&gt;"),
        ({"type": "undecryptable", "text": ""}, "could not be decrypted yet"),
        ({"type": "unsupported", "text": "", "raw_type": "newsletterAdmin"}, "newsletterAdmin"),
        ({"type": "view_once", "text": ""}, "only on the phone"),
        (
            {"type": "location", "content": {"location": {"latitude": 52.5, "longitude": 13.4}}},
            "52.5, 13.4",
        ),
        ({"type": "contact", "content": {"contacts": [{"name": "Bo", "vcard": "X"}]}}, "Bo"),
        ({"type": "group_invite", "content": {"group_invite": {"name": "Crew"}}}, "Crew"),
        ({"type": "image", "text": "no file row"}, "no file row"),
        ({"type": "poll", "content": {}}, "hello"),
        ({"type": "never-heard-of"}, "hello"),
        ({"direction": "out", "status": "delivered"}, "delivered"),
        ({"direction": "out", "status": "unknown"}, "Nobody can say whether it was sent"),
        (
            {
                "direction": "out",
                "status": "failed",
                "error": {"code": "not_on_whatsapp", "detail": "No such number."},
            },
            "Check the number",
        ),
        ({"edited_at": timezone.now()}, "edited"),
        ({"content": {"quoted": {"wa_id": "X1", "text": "the question"}}}, "the question"),
    ],
)
def test_each_kind_of_message_is_drawn(house, fields, words):
    house.message(**fields)
    assert words in house.thread()


def test_what_was_deleted_is_folded_away(house):
    house.message(text="secret plan", revoked_at=timezone.now())
    page = house.thread()
    assert re.search(
        r"<details[^>]*>\s*<summary>Show what it said</summary>.*secret plan", page, re.S
    )
    before = page.partition("Show what it said")[0]
    assert "secret plan" not in before.partition('id="messages"')[2]


@pytest.mark.parametrize(
    ("state", "words"),
    [("pending", "being fetched"), ("gone", "no longer has"), ("failed", "could not be fetched")],
)
def test_a_file_that_is_not_there_says_why(house, state, words):
    media = MediaFactory(message=house.message(type="image", text=""))
    type(media).objects.filter(pk=media.pk).update(state=state)
    assert words in house.thread()


def test_a_stored_picture_is_shown_through_the_console(house):
    media = MediaFactory(message=house.message(type="image", text="look"), stored=PNG)
    address = reverse("console:media", args=[house.workspace.pk, media.pk])
    assert f'src="{address}"' in house.thread()
    answer = house.client.get(address)
    assert b"".join(answer.streaming_content) == PNG
    answer.close()


def test_poll_votes_and_reactions_are_counted(house):
    from messaging.descriptions import option_hash

    message = house.message(
        type="poll", content={"poll": {"name": "Lunch?", "options": ["Soup", "Rice"]}}
    )
    person = ContactFactory(account=house.account, push_name="Bea")
    PollVote.objects.create(
        message=message, person=person, option_hashes=[option_hash("Soup")], at=timezone.now()
    )
    Reaction.objects.create(message=message, person=person, emoji="🎉", at=timezone.now())
    page = text_of(house.thread())
    assert re.search(r"Soup\s+1", page)
    assert re.search(r"Rice\s+0", page)
    assert "🎉 Bea" in page


def test_earlier_messages_come_by_cursor_to_the_first_one(house):
    start = timezone.now() - timedelta(hours=1)
    for n in range(120):
        house.message(text=f"number {n:03}", timestamp=start + timedelta(seconds=n // 2))
    page, seen, steps = house.thread(), set(), 0
    while True:
        seen |= set(re.findall(r"number (\d{3})</p>", page))
        link = re.search(r'href="[^"]*\?((?:from|before)=[0-9a-f-]+)"', page)
        if not link:
            break
        name, value = link[1].split("=")
        page, steps = house.thread(**{name: value}), steps + 1
    assert seen == {f"{n:03}" for n in range(120)}
    assert steps == 2


@pytest.mark.parametrize("query", [{"from": "nonsense"}, {"before": "x"}, {"reply": "\0"}])
def test_a_cursor_that_names_nothing_is_no_error(house, query):
    house.message(text="still here")
    assert "still here" in house.thread(**query)


def test_a_bubble_that_did_not_change_keeps_its_version(house):
    message = house.message(text="same")
    versions = [
        re.findall(r'data-version="(\w+)"', house.thread(**{"from": str(message.pk)}))
        for _ in range(2)
    ]
    assert versions[0] == versions[1]
    Message.objects.filter(pk=message.pk).update(text="other")
    assert re.findall(r'data-version="(\w+)"', house.thread()) != versions[0]


def test_nothing_inline_that_the_csp_forbids(house):
    house.message(text="x", direction="out", status="sent")
    MediaFactory(message=house.message(type="video", text=""), stored=b"....ftypisom")
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|hx-on|<script>|javascript:", house.thread())
