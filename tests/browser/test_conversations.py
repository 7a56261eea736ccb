"""Conversations in Chromium against the whole product: from a virtual phone and back to it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from sandbox.client import SandboxNetwork
from tests.browser.conftest import DEADLINE, PHONE, check, live, picture
from tests.browser.desk import Desk, bubble, drawing, menu
from tests.product import eventually


@pytest.fixture(scope="module")
def desk(product):
    return Desk(product)


def test_what_a_phone_writes_appears_live_and_the_answer_reaches_it(page: Page, desk):
    page.goto(desk.path)
    live(page)
    desk.says(text="Is my parcel there?")
    row = page.locator(".chat", has_text="Is my parcel there?")
    expect(row).to_be_visible(timeout=DEADLINE)
    check(page)
    row.click()
    expect(bubble(page, "Is my parcel there?")).to_be_visible()
    live(page)

    page.locator("#composer-text").fill("I am still typing")
    wa_id = desk.says(text="Hello?")
    expect(bubble(page, "Hello?")).to_be_visible(timeout=DEADLINE)
    expect(page.locator("#composer-text")).to_have_value("I am still typing")
    eventually(
        lambda: [
            r
            for r in desk.product.call("GET", f"/sandbox/phones/{desk.other}/receipts")["results"]
            if r["wa_id"] == wa_id and r["type"] == "read"
        ],
        what="opening it told the phone that it was read",
    )

    menu(page, "Hello?").get_by_role("link", name="Reply").click()
    expect(page.locator("#reply-slot")).to_contain_text("Hello?")
    page.locator("#composer-text").fill("It is, look")
    page.locator("#composer-attach").set_input_files(
        {"name": "parcel.jpg", "mimeType": "image/jpeg", "buffer": drawing()}
    )
    page.get_by_role("button", name="Send", exact=True).click()
    answer = bubble(page, "It is, look")
    expect(answer).to_be_visible(timeout=DEADLINE)
    expect(page.locator("#composer-text")).to_have_value("")
    shown = desk.got(type="image", text="It is, look")
    assert shown["quoted"]["wa_id"] == wa_id
    assert shown["media"]["state"] == "stored"
    expect(answer.locator(".msg-step")).to_contain_text("delivered", timeout=DEADLINE)
    expect(answer.locator("img")).to_be_visible()
    desk.product.call("POST", f"/sandbox/phones/{desk.other}/read", json={"wa_id": shown["wa_id"]})
    expect(answer.locator(".msg-step")).to_contain_text("read", timeout=DEADLINE)
    check(page)


def test_a_message_is_changed_reacted_to_and_deleted(page: Page, desk):
    desk.says(text="Nice weather")
    desk.open(page)
    menu(page, "Nice weather").get_by_role("button", name="React with 👍").click()
    expect(bubble(page, "Nice weather").locator(".msg-reactions")).to_contain_text(
        "👍", timeout=DEADLINE
    )
    assert desk.got(type="reaction")["reaction"]["emoji"] == "👍"

    page.locator("#composer-text").fill("Yes, suny")
    page.keyboard.press("Enter")
    expect(bubble(page, "Yes, suny").locator(".msg-step")).to_contain_text(
        "delivered", timeout=DEADLINE
    )
    menu(page, "Yes, suny").get_by_role("link", name="Change").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Text")).to_have_value("Yes, suny")
    check(page)
    dialog.get_by_label("Text").fill("Yes, sunny")
    dialog.get_by_role("button", name="Change").click()
    expect(dialog).to_be_hidden()
    expect(bubble(page, "Yes, sunny")).to_contain_text("edited", timeout=DEADLINE)
    assert desk.got(type="edit")["edit"]["text"] == "Yes, sunny"

    menu(page, "Yes, sunny").get_by_role("link", name="Delete for everybody").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for everybody").click()
    gone = page.locator(".msg-mine", has_text="was deleted for everybody").last
    expect(gone).to_be_visible(timeout=DEADLINE)
    expect(gone.get_by_text("Yes, sunny")).to_be_hidden()
    desk.got(type="revoke")


def test_a_place_a_card_and_a_poll_are_sent_from_the_composer(page: Page, desk):
    desk.says(text="Where are you?")
    desk.open(page)

    page.get_by_role("link", name="a place").click()
    dialog = page.get_by_role("dialog", name="Send a place")
    dialog.get_by_label("Coordinates").fill("Berlin")
    dialog.get_by_label("Name (optional)").fill("Our shop")
    dialog.get_by_role("button", name="Send the place").click()
    expect(dialog.get_by_text("Type two numbers")).to_be_visible(timeout=DEADLINE)
    expect(dialog.get_by_label("Name (optional)")).to_have_value("Our shop")
    check(page)
    dialog.get_by_label("Coordinates").fill("52.5163, 13.3777")
    dialog.get_by_role("button", name="Send the place").click()
    expect(dialog).to_be_hidden(timeout=DEADLINE)
    expect(bubble(page, "Our shop")).to_be_visible(timeout=DEADLINE)
    place = desk.got(type="location")["location"]
    assert (round(place["latitude"], 4), round(place["longitude"], 4)) == (52.5163, 13.3777)

    page.get_by_role("link", name="a contact card").click()
    dialog = page.get_by_role("dialog", name="Send a contact card")
    dialog.get_by_label("Name").fill("Ben Okafor")
    dialog.get_by_label("Phone number").fill("+49 30 1234567")
    check(page)
    dialog.get_by_role("button", name="Send the card").click()
    expect(bubble(page, "Ben Okafor")).to_be_visible(timeout=DEADLINE)
    assert "+49301234567" in desk.got(type="contact")["contacts"][0]["vcard"]

    page.get_by_role("link", name="a poll").click()
    dialog = page.get_by_role("dialog", name="Send a poll")
    dialog.get_by_label("Question").fill("When?")
    dialog.get_by_label("Answers").fill("Monday\nFriday")
    dialog.get_by_label("One may choose").select_option(label="any number of answers")
    check(page)
    dialog.get_by_role("button", name="Send the poll").click()
    expect(bubble(page, "When?")).to_contain_text("Friday", timeout=DEADLINE)
    polls = eventually(
        lambda: [
            e["poll"]
            for e in desk.inbox()
            if e["type"] == "poll" and e["poll"]["options"] == ["Monday", "Friday"]
        ],
        what="the phone shows the poll",
    )
    assert polls[0]["selectable"] == 0


def open_without_scripts(page, desk, text):
    """Nothing comes by itself then: look again until it is there."""

    def look():
        page.goto(desk.path)
        chat = page.locator(".chat", has_text="Ada Byron")
        if not chat.count():
            return False
        chat.first.click()
        return bubble(page, text).count()

    eventually(look, what=text)


def test_without_scripts_a_poll_is_sent_from_a_page_of_its_own(open_page, desk):
    page = open_page(java_script_enabled=False)
    desk.says(text="Anybody there?")
    open_without_scripts(page, desk, "Anybody there?")
    page.get_by_role("link", name="a poll").click()
    page.get_by_label("Question").fill("Without scripts?")
    page.get_by_label("Answers").fill("Yes\nNo")
    page.get_by_role("button", name="Send the poll").click()
    expect(bubble(page, "Without scripts?")).to_be_visible()
    assert desk.got(text="Without scripts?")["type"] == "poll"


def test_what_plays_or_is_open_is_left_alone_by_the_refresh(page: Page, desk):
    desk.says(text="Keep me open")
    desk.open(page)
    opened = menu(page, "Keep me open")
    desk.says(text="Something new")
    expect(bubble(page, "Something new")).to_be_visible(timeout=DEADLINE)
    expect(opened.get_by_role("link", name="Reply")).to_be_visible()
    page.keyboard.press("Escape")


def test_typing_is_shown_until_the_message_comes(page: Page, desk):
    desk.says(text="Wait for it")
    desk.open(page)
    desk.product.call("POST", f"/accounts/{desk.account}/presence", json={"state": "available"})
    with SandboxNetwork.from_directory(desk.product.folder / "var" / "sandbox") as network:
        network.announce_presence(desk.other, "composing", desk.own)
    expect(page.locator("#typing")).to_contain_text("is typing", timeout=DEADLINE)
    desk.says(text="There it is")
    expect(bubble(page, "There it is")).to_be_visible(timeout=DEADLINE)
    expect(page.locator("#typing")).to_be_empty()


def test_without_scripts_one_can_read_write_and_attach(open_page, desk):
    desk.says(text="Anybody?")
    page = open_page(java_script_enabled=False)
    open_without_scripts(page, desk, "Anybody?")
    expect(bubble(page, "Anybody?")).to_be_in_viewport()
    page.locator("#composer-text").fill("A plain answer")
    page.locator("#composer-attach").set_input_files(
        {"name": "terms.txt", "mimeType": "text/plain", "buffer": b"be kind"}
    )
    page.get_by_role("button", name="Send", exact=True).click()
    expect(bubble(page, "A plain answer")).to_contain_text("terms.txt")
    entry = desk.got(type="document", text="A plain answer")
    assert entry["media"]["filename"] == "terms.txt"
    bubble(page, "Anybody?").locator("summary.menu-open").click()
    bubble(page, "Anybody?").get_by_role("link", name="Reply").click()
    expect(page.locator("#reply-slot")).to_contain_text("Anybody?")
    page.get_by_role("link", name="All conversations").count()


def test_a_number_without_a_connection_says_that_messages_wait(page: Page, product):
    desk = Desk(product, "Away")
    desk.says(text="First")
    eventually(
        lambda: product.call("GET", f"/accounts/{desk.account}/chats")["results"], what="a chat"
    )
    desk.open(page)
    product.call("POST", f"/accounts/{desk.account}/disconnect")
    expect(page.get_by_text("This number is not connected.")).to_be_visible(timeout=DEADLINE)
    page.locator("#composer-text").fill("Later")
    page.get_by_role("button", name="Send", exact=True).click()
    mine = bubble(page, "Later")
    expect(mine).to_contain_text("queued", timeout=DEADLINE)
    mine.get_by_role("button", name="Take back").click()
    expect(mine).to_contain_text("taken back", timeout=DEADLINE)


def test_a_virtual_phone_can_do_everything_from_its_page(page: Page, desk):
    """A picture, a location, a contact, a poll, a group, an answer; its own change and deletion."""
    page.goto(f"{desk.sandbox}{desk.other}/")
    live(page)
    expect(page.get_by_role("heading", name="Ada Byron")).to_contain_text("TEST")
    page.locator("#write-to").select_option(desk.own)
    page.locator("#write-text").fill("From my page")
    page.locator("#write-file").set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": drawing("#557744")}
    )
    page.get_by_role("button", name="Send", exact=True).click()
    mine = page.locator(".msg-mine", has_text="From my page")
    expect(mine.locator("img")).to_be_visible(timeout=DEADLINE)
    page.get_by_text("A location").click()
    page.get_by_role("button", name="Send location").click()
    written = page.locator(".msg-mine")  # other tests of the file write from here, too
    expect(written.and_(page.locator(".msg-location")).last).to_contain_text(
        "52.52", timeout=DEADLINE
    )
    page.get_by_text("A poll").click()
    page.get_by_label("Question").fill("Tea?")
    page.get_by_role("button", name="Send poll").click()
    expect(page.get_by_role("alert")).to_contain_text("options")
    expect(page.get_by_label("Question")).to_have_value("Tea?")
    page.get_by_label("Options, one per line").fill("Yes\nNo")
    page.get_by_role("button", name="Send poll").click()
    expect(written.and_(page.locator(".msg-poll")).last).to_contain_text("Tea?", timeout=DEADLINE)
    page.get_by_text("A contact card").click()
    page.locator("#write-name").fill("Bo")
    page.locator("#write-number").fill(desk.own)
    page.get_by_role("button", name="Send contact").click()
    expect(written.and_(page.locator(".msg-contact")).last).to_contain_text("Bo", timeout=DEADLINE)

    sent = desk.product.call(
        "POST",
        f"/accounts/{desk.account}/messages",
        json={"to": desk.other, "type": "text", "text": "Read me"},
    )
    theirs = page.locator(".msg", has_text="Read me").last
    expect(theirs).to_be_visible(timeout=DEADLINE)
    theirs.locator("summary.menu-open").click()
    theirs.get_by_role("button", name="Read it").click()
    eventually(
        lambda: desk.product.call("GET", f"/messages/{sent['id']}")["status"] == "read",
        what="read",
    )
    check(page)
    picture(page, "virtual-phone-light-desktop")
    page.get_by_text("Make a group").click()
    page.get_by_label("Subject").fill("Row club")
    page.locator(f"input[name=people][value='{desk.own}']").check()
    page.get_by_role("button", name="Make the group").click()
    expect(page.locator("#write-to")).to_contain_text("Group Row club")
    page.set_viewport_size(PHONE)
    check(page)
