"""Conversations, their dialogs and every kind of message: accessible, and fit on each screen."""

from __future__ import annotations

import base64
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DEADLINE, check, live, picture
from tests.browser.desk import LOOKS, NUMBERS, Desk, drawing
from tests.product import eventually


@pytest.fixture(scope="module")
def desk(product):
    return Desk(product)


@pytest.mark.parametrize("look", LOOKS)
def test_the_dialogs_of_the_composer_are_accessible_and_fit(open_page, desk, look):
    theme, size = LOOKS[look]
    page = open_page(theme=theme, size=size)
    desk.says(text="Hello")
    desk.open(page)
    check(page)
    for link, title in (
        ("a place", "Send a place"),
        ("a contact card", "Send a contact card"),
        ("a poll", "Send a poll"),
    ):
        page.get_by_role("link", name=link).click()
        dialog = page.get_by_role("dialog", name=title)
        expect(dialog).to_be_visible(timeout=DEADLINE)
        check(page)
        picture(page, f"composer-{title.rpartition(' ')[2]}-{look}")
        dialog.get_by_role("link", name="Cancel").click()
        expect(dialog).to_be_hidden()


@pytest.fixture(scope="module")
def furnished(product):
    """A conversation with something of everything, and a group."""
    desk = Desk(product, "Front desk")
    third = product.phone(f"+{next(NUMBERS)}", name="Ben Okafor")
    data = base64.b64encode(drawing()).decode()
    first = desk.says(text="Good morning! Do you have this in blue?")
    desk.says("image", media={"base64": data, "mime_type": "image/jpeg"}, caption="This one")
    desk.says(
        "voice",
        media={
            "base64": base64.b64encode(b"OggS" + bytes(200)).decode(),
            "mime_type": "audio/ogg; codecs=opus",
            "duration": 7,
            "waveform": base64.b64encode(bytes((i * 37) % 100 for i in range(64))).decode(),
        },
    )
    desk.says(
        "location",
        location={"latitude": 52.52, "longitude": 13.405, "name": "Shop", "address": "Mitte"},
    )
    desk.says("contact", contacts=[{"name": "Ben Okafor", "phone_number": third}])
    poll = desk.says("poll", poll={"name": "When?", "options": ["Monday", "Friday"]})
    desk.says("raw", raw={"field": 99, "base64": "CgA="})
    gone = desk.says(text="Wrong chat, sorry")
    desk.says("revoke", revoke={"message_id": gone})
    sent = product.call(
        "POST",
        f"/accounts/{desk.account}/messages",
        json={"to": desk.other, "type": "text", "text": "Yes, two left.", "reply_to": first},
    )
    eventually(
        lambda: product.call("GET", f"/messages/{sent['id']}")["status"] == "delivered",
        what="delivered",
    )
    desk.says(
        "reaction", reaction={"message_id": desk.got(text="Yes, two left.")["wa_id"], "emoji": "❤️"}
    )
    desk.says("vote", vote={"message_id": poll, "options": ["Friday"]})
    group = product.call(
        "POST",
        "/sandbox/groups",
        json={"owner": desk.other, "subject": "Deliveries", "participants": [desk.own, third]},
    )
    for sender, text in ((desk.other, "Van 2 is late"), (third, "Ten minutes"), (third, "Max.")):
        product.call(
            "POST",
            f"/sandbox/phones/{sender}/messages",
            json={"group": group["jid"], "type": "text", "text": text},
        )
    eventually(
        lambda: len(product.call("GET", f"/accounts/{desk.account}/chats")["results"]) > 1,
        what="two chats",
    )
    return desk


@pytest.mark.parametrize("look", LOOKS)
def test_every_kind_of_message_is_accessible_and_fits(open_page, furnished, look):
    theme, size = LOOKS[look]
    page = open_page(theme=theme, size=size)
    page.goto(furnished.path)
    expect(page.locator(".chat")).to_have_count(2, timeout=DEADLINE)
    live(page)
    check(page)
    picture(page, f"conversations-{look}")
    page.locator(".chat", has_text="Ada Byron").first.click()
    live(page)
    expect(page.locator(".msg-reactions")).to_contain_text("❤️", timeout=DEADLINE)
    expect(page.locator(".poll")).to_contain_text(re.compile(r"Friday\s*1"), timeout=DEADLINE)
    expect(page.locator(".msg-image img")).to_be_visible(timeout=DEADLINE)
    check(page)
    picture(page, f"conversation-{look}")
    page.locator(".thread-pane").evaluate("pane => pane.scrollTo(0, -pane.scrollHeight)")
    picture(page, f"conversation-top-{look}")
    page.goto(furnished.path)
    page.locator(".chat", has_text="Deliveries").first.click()
    live(page)
    expect(page.locator(".msg-author")).to_have_count(2)
    check(page)
    page.get_by_role("link", name="Group: who is in it").click()
    dialog = page.get_by_role("dialog", name="Deliveries")
    expect(dialog.get_by_text("3 members")).to_be_visible(timeout=DEADLINE)
    expect(dialog.get_by_text("owner")).to_be_visible()
    check(page)
    picture(page, f"conversation-group-{look}")
    page.goto(furnished.path + "new")
    check(page)
