"""The console in a real browser, against the whole product."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.product import eventually

from .conftest import DEADLINE, DESKTOP, PHONE, check, live, picture, sign_in

THEMES = ("light", "dark")
PICTURED = {
    "overview",
    "numbers",
    "events",
    "keys",
    "sandbox",
    "timeline",
    "health",
    "number-connected",
    "number-qr_scanning",
    "number-logged_out",
}
SIZES = {"desktop": DESKTOP, "phone": PHONE}


def add_number(page: Page, label: str) -> str:
    """A new number by hand; the id of it."""
    page.goto("/")
    page.get_by_role("link", name="Numbers", exact=True).click()
    page.get_by_role("link", name=re.compile("^Add ")).first.click()
    page.get_by_label("Label").fill(label)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name=label)).to_be_visible()
    live(page)
    return page.url.rstrip("/").rsplit("/", 1)[1]


def scan(page: Page) -> None:
    """Connect and let a virtual phone scan the code."""
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator(".qr-picture")).to_be_visible(timeout=DEADLINE)
    page.get_by_role("button", name="Scan with a virtual phone").click()
    expect(page.locator("#connected-phone")).to_be_visible(timeout=DEADLINE)


def status_of(page: Page, words: str) -> None:
    expect(page.locator("#number-head .status")).to_have_text(words, timeout=DEADLINE)


def test_from_sign_in_to_connected_and_back(chromium, product, open_page):
    page = open_page()
    page.context.clear_cookies()
    sign_in(page)
    account = add_number(page, "Front desk")

    scan(page)

    status_of(page, "Connected")
    number = product.account(account)["phone_number"]
    assert number
    digits = re.sub(r"\D", "", page.locator("#connected-phone").inner_text())
    assert f"+{digits}" == number
    expect(page.locator("#announcer")).to_have_text("Front desk: Connected")

    page.get_by_role("button", name="Disconnect").click()
    status_of(page, "Disconnected")
    expect(page.locator("#head-phone")).to_have_count(0)
    after = product.account(account)
    assert (after["status"], after["phone_number"]) == ("disconnected", None)
    # Once more, from a page that does not know yet: the same answer.
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    again = page.request.post(
        page.url + "disconnect", form={"csrfmiddlewaretoken": token}, headers={"Referer": page.url}
    )
    assert again.ok
    assert product.account(account)["phone_number"] is None


def test_a_change_from_elsewhere_shows_without_reload(product, page):
    account = add_number(page, "Watched")
    product.call("POST", f"/accounts/{account}/connect")
    expect(page.locator(".qr-picture")).to_be_visible(timeout=DEADLINE)
    product.call("POST", f"/accounts/{account}/disconnect")
    status_of(page, "Disconnected")


def test_a_pairing_code_links_the_phone(product, page):
    account = add_number(page, "By code")
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_text("No camera at hand?").click()
    phone = product.phone("+15550177001")
    page.locator("#id_phone_number").fill("+1 (555) 017-7001")
    page.get_by_role("button", name="Get a code").click()
    code = page.locator("#pairing-code")
    expect(code).to_have_text(re.compile(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$"), timeout=DEADLINE)
    picture(page, "pairing-code-light-desktop")
    check(page)
    product.call("POST", f"/sandbox/phones/{phone}/pair", json={"code": code.inner_text()})
    expect(page.locator("#connected-phone")).to_be_visible(timeout=DEADLINE)
    product.until(account, "connected")


def test_a_message_from_a_virtual_phone_reaches_the_event_page(product, page, open_page):
    add_number(page, "Inbound")
    scan(page)
    watcher = open_page()
    watcher.goto("/")
    watcher.get_by_role("link", name="Events").click()
    live(watcher)
    page.get_by_label("Text").fill("Is anybody there?")
    page.get_by_role("button", name="Send").click()
    row = watcher.locator(".event-link", has_text="Is anybody there?").first
    expect(row).to_be_visible(timeout=DEADLINE)
    row.click()
    expect(watcher.locator("#event-json")).to_contain_text('"text": "Is anybody there?"')
    check(watcher)
    picture(watcher, "event-light-desktop")


def test_a_lost_connection_is_said_and_resumed_by_cursor(product, page):
    asked, open_sockets, up = [], [], [True]

    def through(socket):
        asked.append(socket.url)
        if up[0]:
            socket.connect_to_server()
            open_sockets.append(socket)
        else:
            socket.close(code=1001)

    page.route_web_socket("**/ws/v1/events*", through)
    account = add_number(page, "Unplugged")
    banner = page.get_by_text("Connection to Switchboard lost")
    expect(banner).not_to_be_visible()
    up[0] = False
    open_sockets[-1].close(code=1001)
    expect(banner).to_be_visible(timeout=DEADLINE)
    product.call("POST", f"/accounts/{account}/connect")
    up[0] = True
    expect(banner).not_to_be_visible(timeout=DEADLINE)
    expect(page.locator(".qr-picture")).to_be_visible(timeout=DEADLINE)
    assert "after=" in asked[-1]
    product.call("POST", f"/accounts/{account}/disconnect")
    status_of(page, "Disconnected")


def test_without_javascript_everything_still_works(product, open_page):
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.get_by_role("link", name="Numbers", exact=True).click()
    page.get_by_role("link", name=re.compile("^Add ")).first.click()
    page.get_by_label("Label").fill("Plain")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Connect", exact=True).click()
    account = page.url.rstrip("/").rsplit("/", 1)[1]
    product.until(account, "qr_scanning")
    page.get_by_role("link", name="Refresh").click()
    expect(page.locator(".qr-picture")).to_be_visible()
    page.get_by_role("link", name="Danger zone").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete Plain").click()
    page.wait_for_url("**/numbers/")
    expect(page.get_by_text("“Plain” is deleted.")).to_be_visible()


def test_deleting_asks_in_a_dialog_that_names_the_number(page):
    add_number(page, "Short-lived")
    page.get_by_role("link", name="Danger zone").click()
    page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete “Short-lived”?")
    expect(dialog).to_be_visible()
    check(page)
    picture(page, "delete-light-desktop")
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    page.get_by_role("link", name="Delete").click()
    dialog.get_by_role("button", name="Delete Short-lived").click()
    page.wait_for_url("**/numbers/")
    expect(page.get_by_text("“Short-lived” is deleted.")).to_be_visible()


def test_a_key_is_made_copied_and_revoked(product, open_page):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("/")
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("Name").fill("CRM sync")
    page.get_by_role("button", name="Create key").click()
    secret = page.locator(".secret .code").first
    secret.get_by_role("button", name="Copy").click()
    expect(secret.get_by_role("button", name="Copied")).to_be_visible()
    shown = page.locator("#new-key-text").inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == shown
    check(page)
    page.get_by_role("link", name="Revoke CRM sync").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The key “CRM sync” is revoked.")).to_be_visible()


def test_ticked_numbers_are_disconnected_together(product, page):
    accounts = [add_number(page, f"Many {place}") for place in "ab"]
    for account in accounts:
        product.connect(account)
    page.goto("/")
    page.get_by_role("link", name="Numbers", exact=True).click()
    for place in "ab":
        page.get_by_label(f"Tick Many {place}").check()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("2 numbers disconnected.")).to_be_visible()
    for account in accounts:
        assert product.account(account)["status"] == "disconnected"


def test_the_list_changes_by_itself(product, page):
    account = add_number(page, "In a list")
    page.get_by_role("link", name="Numbers", exact=True).first.click()
    live(page)
    row = page.locator(f"[data-live-row='{account}'] .cell-status")
    expect(row).to_contain_text("Disconnected")
    product.connect(account)
    expect(row).to_contain_text("Waiting for the phone", timeout=DEADLINE)
    product.call("POST", f"/accounts/{account}/disconnect")
    expect(row).to_contain_text("Disconnected", timeout=DEADLINE)


def test_the_theme_is_chosen_and_kept(page):
    page.goto("/")
    button = page.locator("[data-theme-button]")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    button.click()
    button.click()
    assert page.evaluate(ground) != light
    page.reload()
    assert page.evaluate(ground) != light
    expect(button).to_have_attribute("title", "Theme: dark")


def test_the_keyboard_reaches_the_content_first(page):
    page.goto("/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


@pytest.fixture(scope="module")
def furnished(product):
    """Numbers in the states that can be had quickly; their ids by state."""
    ids = {state: product.new_account(f"{label}") for state, label in LABELS.items()}
    product.phone("+15550188001", name="Ada")
    product.link(ids["connected"], "+15550188001")
    product.connect(ids["qr_scanning"])
    product.phone("+15550188002", name="Ben")
    product.link(ids["logged_out"], "+15550188002")
    product.call(
        "POST", "/sandbox/phones/+15550188002/unlink", json={"account_id": ids["logged_out"]}
    )
    product.until(ids["logged_out"], "logged_out")
    return ids


LABELS = {
    "connected": "Support Berlin",
    "qr_scanning": "Sales desk",
    "logged_out": "Returns",
    "disconnected": "Recruiting",
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_and_fits(product, open_page, furnished, theme, size):
    page = open_page(theme=theme, size=SIZES[size])
    page.goto("/")
    workspace = page.url.rstrip("/")
    places = {
        "overview": "/",
        "numbers": "/numbers/",
        "add": "/numbers/new",
        "events": "/events/",
        "keys": "/keys/",
        "sandbox": "/sandbox/",
        **{f"number-{state}": f"/numbers/{pk}/" for state, pk in furnished.items()},
        **{
            tab: f"/numbers/{furnished['connected']}/{tab}"
            for tab in ("timeline", "health", "settings", "danger", "log-out")
        },
    }
    for name, place in places.items():
        page.goto(workspace + place)
        live(page)
        check(page)
        if name in PICTURED and (theme, size) != ("light", "phone"):
            picture(page, f"{name}-{theme}-{size}")
    page.context.clear_cookies()
    page.goto("/sign-in")
    check(page)
    picture(page, f"sign-in-{theme}-{size}")


@pytest.mark.parametrize(
    "size",
    [{"width": 1024, "height": 700}, {"width": 870, "height": 700}, {"width": 320, "height": 640}],
)
def test_a_name_without_a_space_breaks_instead_of_the_page(product, open_page, size):
    page = open_page(size=size)
    account = product.new_account("W" * 80)
    product.call(
        "POST", "/api-keys", json={"name": "M" * 50, "scopes": ["read"], "accounts": [account]}
    )
    workspace = product.call("GET", "/workspace")["id"]
    for place in ("numbers/", f"numbers/{account}/", "keys/", "webhooks/new", "events/", "audit/"):
        page.goto(f"/workspaces/{workspace}/{place}")
        check(page)


def test_a_code_that_nobody_scans_runs_out_and_offers_a_new_one(product, page, furnished):
    """The words and the button; that the sandbox's rounds end is tested with the engine."""
    page.goto("/")
    page.goto(f"{page.url}numbers/{furnished['logged_out']}/")
    live(page)
    expect(page.get_by_role("heading", name="The link to the phone has ended")).to_be_visible()
    page.get_by_role("button", name="New code").click()
    expect(page.locator(".qr-picture")).to_be_visible(timeout=DEADLINE)
    before = page.locator(".qr-note").inner_text()
    eventually(lambda: page.locator(".qr-note").inner_text() != before, what="the countdown runs")
    page.get_by_role("button", name="Cancel").click()
    status_of(page, "Disconnected")
