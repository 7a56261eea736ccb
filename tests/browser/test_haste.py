"""People who are faster than the server, lose it, or use no pointer."""

from __future__ import annotations

import base64
import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import DEADLINE, live
from tests.browser.desk import Desk, bubble, drawing
from tests.browser.test_people import go, invite, join
from tests.product import eventually

TRANSFER = """([data, names, where, kind]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  for (const name of names) carried.items.add(new File([bytes], name, { type: "image/jpeg" }));
  const options = { bubbles: true, cancelable: true };
  const event = kind === "paste"
    ? new ClipboardEvent(kind, { clipboardData: carried, ...options })
    : new DragEvent(kind, { dataTransfer: carried, ...options });
  return !document.querySelector(where).dispatchEvent(event);
}"""

TWICE = """button => new Promise((done) => {
  button.click();
  setTimeout(() => { button.click(); done(); }, 300);
})"""


@pytest.fixture(scope="module")
def desk(product):
    return Desk(product, "Front desk")


@pytest.fixture
def talk(page: Page, desk) -> Page:
    desk.says(text="Hello")
    desk.open(page)
    return page


class Held:
    """Requests to addresses like `pattern` wait until `go`; later ones do not."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.routes: list[Route] = []
        self.waits = True
        page.route(pattern, lambda route: self.take(route))

    def take(self, route: Route) -> None:
        self.routes.append(route)
        if not self.waits:
            route.continue_()

    def go(self) -> None:
        self.waits = False
        for route in self.routes:
            route.continue_()


def top_of(page: Page, name: str) -> float:
    box = page.locator(f"#{name}").bounding_box()
    assert box is not None
    return box["y"]


def carry(page: Page, kind: str, names: list[str], where: str) -> bool:
    """Paste or drop files; True when the page took care of it."""
    data = base64.b64encode(drawing(size=(40, 30))).decode()
    return bool(page.evaluate(TRANSFER, [data, names, where, kind]))


def test_what_is_typed_while_a_message_is_on_its_way_is_the_next_one(talk: Page, desk):
    held = Held(talk, "**/send")
    text = talk.locator("#composer-text")
    text.fill("The first")
    text.press("Enter")
    expect(text).to_have_value("")
    talk.keyboard.type("the second")
    talk.keyboard.press("Enter")
    talk.keyboard.type("and a th")
    held.go()
    expect(bubble(talk, "the second")).to_be_visible(timeout=DEADLINE)
    talk.keyboard.type("ird")
    expect(text).to_have_value("and a third")
    said = talk.locator(".msg").all_inner_texts()
    places = [
        [i for i, one in enumerate(said) if words in one] for words in ("The first", "the second")
    ]
    assert [len(place) for place in places] == [1, 1]
    assert places[0] < places[1]
    desk.got(text="the second")


def test_what_one_reads_stays_where_it_is(page: Page, product):
    """Earlier messages come above it, new ones below it; by keyboard, too."""
    desk = Desk(product, "Long talks")
    many = 70
    path = f"/sandbox/phones/{desk.other}/messages"
    body = {"to": desk.own, "type": "text", "text": "Line of a long talk", "count": many}
    product.call("POST", path, json=body)
    chats = f"/accounts/{desk.account}/chats"
    eventually(
        lambda: sum(chat["unread"] for chat in product.call("GET", chats)["results"]) >= many,
        what="all have come",
    )
    desk.open(page)
    pane = page.locator(".thread-pane")
    pane.evaluate("pane => { pane.scrollTop = -1e6; }")
    top = page.locator(".msg").first
    name = top.get_attribute("id") or ""
    before = top_of(page, name)
    page.get_by_role("link", name="Earlier messages").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".msg").nth(many - 1)).to_be_attached(timeout=DEADLINE)
    assert top_of(page, name) == pytest.approx(before, abs=1)

    newest = page.get_by_role("button", name="Back to the newest messages")
    expect(newest).to_be_visible()
    desk.says(text="Brand new")
    expect(bubble(page, "Brand new")).to_be_attached(timeout=DEADLINE)
    expect(newest).to_have_class(re.compile("button-main"))
    assert top_of(page, name) == pytest.approx(before, abs=1)
    newest.click()
    expect(bubble(page, "Brand new")).to_be_in_viewport()
    expect(newest).to_be_hidden()


def test_a_message_that_was_not_taken_comes_back_and_the_complaint_goes(talk: Page):
    text = talk.locator("#composer-text")
    talk.route("**/send", lambda route: route.abort())
    text.fill("Into the void")
    text.press("Enter")
    complaint = talk.get_by_text("Switchboard cannot be reached.")
    expect(complaint).to_be_visible()
    expect(text).to_have_value("Into the void")
    talk.unroute("**/send")
    text.press("Enter")
    expect(bubble(talk, "Into the void")).to_be_visible(timeout=DEADLINE)
    expect(complaint).to_have_count(0)


def test_a_file_is_pasted_or_dropped(talk: Page):
    kept = "input => [...input.files].map((file) => file.name)"
    attach = talk.locator("#composer-attach")
    assert carry(talk, "paste", ["pasted.jpg"], "#composer-text")
    assert attach.evaluate(kept) == ["pasted.jpg"]
    assert carry(talk, "drop", ["one.jpg", "two.jpg"], ".thread-pane")
    assert attach.evaluate(kept) == ["one.jpg"]
    expect(talk.locator("#thread-note")).to_contain_text("One file goes with a message")
    assert carry(talk, "drop", ["beside.jpg"], ".nav")  # not opened instead of the page
    assert attach.evaluate(kept) == ["one.jpg"]
    talk.locator("#composer-text").fill("As you see")
    talk.locator("#composer-text").press("Enter")
    expect(bubble(talk, "As you see").locator("img")).to_be_visible(timeout=DEADLINE)


def test_a_box_that_was_resized_is_swapped_without_a_complaint(talk: Page):
    """Under the CSP no attribute `style` may be written."""
    text = talk.locator("#composer-text")
    text.evaluate("area => { area.style.height = '90px'; }")  # as dragging its corner does
    text.fill("Roomy")
    text.press("Enter")
    expect(bubble(talk, "Roomy")).to_be_visible(timeout=DEADLINE)  # open_page asserts the rest


def test_a_form_is_sent_once(page: Page, product):
    workspace = product.call("GET", "/workspace")["id"]
    page.goto(f"/workspaces/{workspace}/numbers/new")
    page.get_by_label("Label").fill("Pressed twice")
    held = Held(page, "**/numbers/new")
    page.get_by_role("button", name="Add", exact=True).evaluate(TWICE)
    held.go()
    expect(page.get_by_role("heading", name="Pressed twice")).to_be_visible()
    assert len(held.routes) == 1
    page.go_back()
    page.get_by_label("Label").fill("A second one")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="A second one")).to_be_visible()


def test_arrow_keys_walk_a_filter_and_enter_applies_it(page: Page):
    go(page, "Events")
    live(page)
    before = page.url
    kind = page.get_by_label("Type")
    kind.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    wanted = kind.input_value()
    expect(page.get_by_role("button", name="Filter")).to_be_visible()
    assert (page.url, kind.evaluate("node => node.selectedIndex")) == (before, 3)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**type={wanted}**")


def test_the_focus_stays_with_who_uses_the_keyboard(page: Page, product):
    workspace = product.call("GET", "/workspace")["id"]
    page.goto(f"/workspaces/{workspace}/numbers/new")
    expect(page.get_by_label("Label")).to_be_focused()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="By keyboard")).to_be_visible()
    live(page)
    page.get_by_role("button", name="Connect").first.press("Enter")
    expect(page.locator("#connect-panel h2")).to_be_focused(timeout=DEADLINE)
    expect(page.locator("#connect-panel h2")).to_have_text("Scan the code with the phone")
    account = page.url.rstrip("/").rpartition("/")[2]

    go(page, "Overview")
    live(page)
    waiting = page.locator(".tally", has_text="Disconnected")
    many = waiting.locator(".tally-count").inner_text()
    waiting.focus()
    product.call("POST", f"/accounts/{account}/disconnect")
    expect(waiting.locator(".tally-count")).not_to_have_text(many, timeout=DEADLINE)
    expect(waiting).to_be_focused()


def test_who_lost_the_right_meanwhile_is_told_so(page: Page, chromium, product, desk):
    link = invite(page)
    context = chromium.new_context(base_url=product.url)
    context.set_default_timeout(DEADLINE)
    otto = context.new_page()
    join(otto, link, "otto@example.test")
    desk.says(text="Anybody?")
    desk.open(otto)
    go(page, "Members")
    page.get_by_label("Role of otto@example.test").select_option("viewer")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("otto@example.test is Viewer now.")).to_be_visible()
    otto.locator("#composer-text").fill("Still me")
    otto.locator("#composer-text").press("Enter")
    expect(otto.get_by_text("Your role in this workspace is viewer")).to_be_visible()
    expect(otto.locator("#composer-text")).to_have_value("Still me")
    context.close()


def test_a_menu_opened_while_a_refresh_is_under_way_stays_open(page: Page, desk):
    page.goto(f"{desk.sandbox}{desk.other}/")
    live(page)

    def write(text):
        body = {"to": desk.other, "type": "text", "text": text}
        desk.product.call("POST", f"/accounts/{desk.account}/messages", json=body)

    write("Open my menu")
    theirs = page.locator(".msg", has_text="Open my menu").last
    expect(theirs).to_be_visible(timeout=DEADLINE)
    held = Held(page, f"**{desk.sandbox}*/")
    with page.expect_request(f"**{desk.sandbox}*/", timeout=DEADLINE):
        write("Comes meanwhile")
    theirs.locator("summary.menu-open").click()
    page.evaluate("""() => {
      window.answered = new Promise((done) => {
        document.addEventListener("htmx:afterRequest", done, { once: true });
      }).then(() => true);
    }""")
    held.go()
    assert page.evaluate("() => window.answered")
    expect(theirs.get_by_role("button", name="Read it")).to_be_visible()
    theirs.locator("summary.menu-open").click()
    page.get_by_role("heading", name="Ada Byron").click()
    expect(page.get_by_text("Comes meanwhile")).to_be_visible(timeout=DEADLINE)
