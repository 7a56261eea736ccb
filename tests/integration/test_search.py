"""The search: what it finds by what, where it stops, and that it stays in its workspace."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from console import searching
from events import services as event_log
from events.models import Event
from tests.factories import (
    AccountFactory,
    ChatFactory,
    ContactFactory,
    MessageFactory,
    UserFactory,
    WorkspaceFactory,
)
from tests.pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return UserFactory()


@pytest.fixture
def home(person, client):
    client.force_login(person)
    return WorkspaceFactory(members=[person])


@pytest.fixture
def number(home):
    return AccountFactory(
        workspace=home, connected=True, label="Support Berlin", phone_number="+4915550100001"
    )


def look(client, home, query, **more):
    answer = client.get(reverse("console:search", args=[home.pk]), {"q": query, **more})
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("query", ["berlin", "BERLIN", "+49 155 501", "555010"])
def test_a_number_by_label_and_phone(client, home, number, query):
    AccountFactory(workspace=home, label="Other")
    assert searching.find(home, query).numbers == [number]
    assert reverse("console:number", args=[home.pk, number.pk]) in look(client, home, query)


def test_a_conversation_by_the_name_and_number_of_the_person(client, home, number):
    chat = ChatFactory(account=number, jid="4917655500011@s.whatsapp.net", lid="")
    ContactFactory(
        account=number, jid=chat.jid, lid="", phone_number="+4917655500011", push_name="Ada Byron"
    )
    group = ChatFactory(account=number, group=True, name="Party of Ada")
    for query in ("byron", "55500011"):
        assert [row["chat"] for row in searching.find(home, query).chats] == [chat]
    assert {row["chat"] for row in searching.find(home, "ada").chats} == {chat, group}
    assert searching.find(home, "ada").people == []
    assert f"conversations/{chat.pk}/" in look(client, home, "byron")


def test_a_person_without_a_conversation_can_be_written_to(client, home, number):
    ContactFactory(account=number, push_name="Zoe Quiet")
    page = look(client, home, "zoe")
    assert "People you have not written with" in page
    assert reverse("console:number-conversation-new", args=[home.pk, number.pk]) in page


def test_a_viewer_finds_people_and_cannot_write(client, home, number):
    ContactFactory(account=number, push_name="Zoe Quiet")
    viewer = UserFactory()
    home.memberships.create(user=viewer, role=Role.VIEWER)
    client.force_login(viewer)
    page = look(client, home, "zoe")
    assert "Zoe Quiet" in page
    assert reverse("console:number-conversation-new", args=[home.pk, number.pk]) not in page


def test_a_message_by_its_words_marked_with_a_way_to_its_place(client, home, number):
    message = MessageFactory(account=number, text="Is the <oak> shelf still there?")
    page = look(client, home, "SHELF")
    assert "Is the &lt;oak&gt; <mark>shelf</mark> still there?" in page
    place = reverse("console:number-conversation", args=[home.pk, number.pk, message.chat_row_id])
    address = f"{place}?at={message.pk}#m-{message.pk}"
    assert address in page
    assert f'id="m-{message.pk}"' in client.get(address.partition("#")[0]).content.decode()


def test_old_messages_are_found_when_asked_for(client, home, number):
    old = timezone.now() - timedelta(days=searching.DAYS + 1)
    MessageFactory(account=number, text="ancient shelf", timestamp=old)
    page = look(client, home, "ancient")
    assert "Nothing holds “ancient”" in page
    assert "Look at older messages too" in page
    assert "<mark>ancient</mark>" in look(client, home, "ancient", all="1")


def test_what_was_deleted_for_everybody_is_not_found(client, home, number):
    MessageFactory(account=number, text="secret shelf", revoked_at=timezone.now())
    assert not searching.find(home, "secret").messages


def test_an_event_by_id_seq_type_and_content(client, home, number):
    event = event_log.append(
        workspace_id=home.pk, account_id=number.pk, type="call.offer", data={"wa_id": "3EB0ABC99"}
    )
    for query in (event.pk, "call.off", "3eb0abc99"):
        assert searching.find(home, query).events == [event], query
    assert reverse("console:event", args=[home.pk, event.pk]) in look(client, home, event.pk)
    for _ in range(10):
        last = event_log.append(workspace_id=home.pk, type="message", data={})
    assert last in searching.find(home, str(last.seq)).events


def test_only_the_newest_events_are_read_but_an_id_is_found_anywhere(home, number, monkeypatch):
    old = event_log.append(workspace_id=home.pk, type="call.offer", data={"a": "needle"})
    event_log.append(workspace_id=home.pk, type="message", data={})
    monkeypatch.setattr(searching, "NEWEST_EVENTS", 1)
    assert searching.find(home, "needle").events == []
    assert searching.find(home, old.pk).events == [old]


def test_what_is_named_comes_first_and_more_than_fits_is_said_of_events_too(home, number):
    first = event_log.append(workspace_id=home.pk, type="call.offer", data={})
    for _ in range(searching.SHOWN):
        last = event_log.append(workspace_id=home.pk, type="message", data={"of": first.seq})
    found = searching.find(home, f"{first.seq}{0}")
    assert found.events == []
    Event.objects.filter(pk=first.pk).update(seq=77, data={"text": 77})
    Event.objects.exclude(pk=first.pk).update(data={"of": 77})
    found = searching.find(home, "77")
    assert [event.pk for event in found.events[:2]] == [first.pk, last.pk]
    assert len(found.events) == searching.SHOWN
    assert "events" in found.more


def test_more_than_fits_is_said(client, home, number):
    for place in range(searching.SHOWN + 1):
        AccountFactory(workspace=home, label=f"Berlin {place}")
        MessageFactory(account=number, text=f"Berlin {place}")
    found = searching.find(home, "berlin")
    assert (len(found.numbers), len(found.messages)) == (searching.SHOWN, searching.SHOWN)
    assert found.more == {"numbers", "messages"}
    page = look(client, home, "berlin")
    assert f"{reverse('console:numbers', args=[home.pk])}?q=berlin" in page


def test_nothing_of_another_workspace_is_found(client, home, person):
    other = WorkspaceFactory(members=[person])  # also mine, and still another one
    foreign = AccountFactory(workspace=other, connected=True, label="Needle number")
    MessageFactory(account=foreign, text="needle message")
    ContactFactory(account=foreign, push_name="Needle person")
    ChatFactory(account=foreign, name="Needle chat")
    event = event_log.append(workspace_id=other.pk, type="message", data={"text": "needle"})
    for query in ("needle", event.pk):
        assert not searching.find(home, query)
        assert "Nothing holds" in look(client, home, query, all="1")


def test_deleted_numbers_are_gone_with_what_they_said(home, number):
    MessageFactory(account=number, text="needle")
    type(number).objects.filter(pk=number.pk).update(deleted_at=timezone.now())
    assert not searching.find(home, "needle")
    assert not searching.find(home, "Berlin").numbers


def test_without_words_the_page_teaches_what_can_be_found(client, home):
    assert "by its label, phone number" in text_of(look(client, home, ""))
    assert "Type two characters or more." in text_of(look(client, home, "a"))


@pytest.mark.parametrize("query", ["%", "\0a\0", "'; --", "a" * 500, "日本", "9" * 20])
def test_odd_words_break_nothing(client, home, number, query):
    MessageFactory(account=number, text="plain")
    look(client, home, query)


def test_htmx_gets_the_results_alone(client, home, number):
    answer = client.get(
        reverse("console:search", args=[home.pk]), {"q": "berlin"}, headers={"HX-Request": "true"}
    )
    assert b"<html" not in answer.content
    assert b"Support Berlin" in answer.content


def test_every_page_has_the_search(client, home, number):
    for name in ("overview", "numbers", "events", "webhooks", "members", "keys", "audit"):
        page = client.get(reverse(f"console:{name}", args=[home.pk])).content.decode()
        assert f'action="{reverse("console:search", args=[home.pk])}"' in page, name


def test_a_long_text_is_cut_around_what_was_found():
    text = "x" * 200 + " needle " + "y" * 200
    shown = searching.marked(text, "NEEDLE")
    assert shown.startswith("…x") and shown.endswith("y…")
    assert "<mark>needle</mark>" in shown
    assert len(shown) < 170


def test_a_message_far_back_is_shown_with_its_neighbours(client, home, number, monkeypatch):
    from console import thread_window

    chat = ChatFactory(account=number)
    start = timezone.now() - timedelta(hours=1)
    made = [
        MessageFactory(
            account=number, chat_row=chat, text=f"m{i}", timestamp=start + timedelta(seconds=i)
        )
        for i in range(60)
    ]
    monkeypatch.setattr(thread_window, "MOST", 10)
    shown = thread_window.window(chat, at=str(made[20].pk))
    assert made[20] in shown.messages
    assert not shown.newest
    assert [m.text for m in shown.messages] == [f"m{i}" for i in range(40)]
    near = thread_window.window(chat, at=str(made[55].pk))
    assert near.newest
    assert near.messages[-1] == made[59]
