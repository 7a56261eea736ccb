"""Places, contact cards and polls from the composer, with and without htmx."""

from __future__ import annotations

import html
import re

import pytest

from accounts.models import Role
from messaging.models import Message, Outgoing
from tests.conversation_house import HTMX, House
from tests.pages import text_of

pytestmark = pytest.mark.django_db

GOOD = {
    "location": {"coordinates": "52.5163, 13.3777", "name": "Shop", "address": "Mitte"},
    "contact": {"name": "Ben, Office", "phone_number": "+49 30 1234567"},
    "poll": {"name": "Tea?", "options": "Yes\r\n\r\nNo \r\n", "selectable": "1"},
}


@pytest.fixture
def house(client):
    return House(client)


def post(house, kind, headers=None, **fields):
    url = house.url(f"number-conversation-{kind}")
    return house.client.post(url, fields, headers=headers or {})


def test_a_place_is_queued(house):
    assert post(house, "location", **GOOD["location"]).status_code == 302

    message = Message.objects.get()
    place = {"latitude": 52.5163, "longitude": 13.3777, "name": "Shop", "address": "Mitte"}
    assert (message.type, message.content["location"]) == ("location", place)
    assert Outgoing.objects.get().lane == house.chat.jid


def test_a_contact_card_is_queued(house):
    post(house, "contact", **GOOD["contact"])

    [card] = Message.objects.get(type="contact").content["contacts"]
    assert card["name"] == "Ben, Office"
    assert "waid=49301234567:+49301234567" in card["vcard"]


@pytest.mark.parametrize(("chosen", "selectable"), [("1", 1), ("0", 0)])
def test_a_poll_is_queued_without_empty_lines(house, chosen, selectable):
    post(house, "poll", **{**GOOD["poll"], "selectable": chosen})

    poll = {"name": "Tea?", "options": ["Yes", "No"], "selectable": selectable}
    assert Message.objects.get(type="poll").content["poll"] == poll


@pytest.mark.parametrize("kind", GOOD)
def test_htmx_closes_the_dialog_and_fetches_the_messages(house, kind):
    answer = post(house, kind, headers=HTMX, **GOOD[kind])

    assert answer.status_code == 204
    assert answer.headers["HX-Trigger"] == "conversation-changed"


@pytest.mark.parametrize("kind", GOOD)
def test_a_form_that_is_sent_twice_is_one_message(house, kind):
    page = house.client.get(house.url(f"number-conversation-{kind}")).content.decode()
    key = re.search(r'name="key" value="([0-9a-f-]+)"', page)[1]

    for _ in range(2):
        post(house, kind, key=key, **GOOD[kind])

    assert Message.objects.count() == 1


WRONG = [
    ("location", {"coordinates": "Berlin"}, "Type two numbers"),
    ("location", {"coordinates": "91, 0"}, "Latitudes go from"),
    ("location", {"coordinates": ""}, "This field is required"),
    ("contact", {"phone_number": "soon"}, "phone number"),
    ("contact", {"name": ""}, "This field is required"),
    ("poll", {"options": "Only one"}, "2 to 12 answers"),
    ("poll", {"options": "\n".join(map(str, range(13)))}, "2 to 12 answers"),
    ("poll", {"options": "Same\nSame"}, "Name each answer once"),
    ("poll", {"options": "x" * 101 + "\ny"}, "at most 100 characters"),
    ("poll", {"selectable": "7"}, "Select a valid choice"),
]


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "dialog"])
@pytest.mark.parametrize(("kind", "wrong", "words"), WRONG)
def test_what_is_wrong_is_said_and_what_was_typed_stays(house, kind, wrong, words, headers):
    answer = post(house, kind, headers=headers, **{**GOOD[kind], **wrong})

    assert answer.status_code == 422
    assert words in html.unescape(text_of(answer))
    kept = next(value for name, value in GOOD[kind].items() if name not in wrong)
    assert html.escape(kept.split("\r")[0]) in answer.content.decode()
    assert not Outgoing.objects.exists()


@pytest.mark.parametrize("kind", GOOD)
def test_the_composer_leads_there(house, kind):
    assert f'href="{house.url(f"number-conversation-{kind}")}"' in house.thread()


@pytest.mark.parametrize("kind", GOOD)
def test_who_may_only_look_sends_nothing(client, kind):
    viewer = House(client, role=Role.VIEWER)

    assert post(viewer, kind, **GOOD[kind]).status_code == 403
    assert not Outgoing.objects.exists()
    assert viewer.url(f"number-conversation-{kind}") not in viewer.thread()
