"""The search, the keyboard and the installation's page in a real browser."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.product import ROOT, eventually

from .conftest import DEADLINE, DESKTOP, PHONE, check, live

LOOKS = [(theme, size) for theme in ("light", "dark") for size in (DESKTOP, PHONE)]
NAMES = [f"{theme}-{'phone' if size is PHONE else 'desktop'}" for theme, size in LOOKS]
CHIEF = "chief-of-nodes@example.test"


@pytest.fixture(scope="module")
def desk(product):
    """A connected number that somebody wrote to; its id."""
    account = product.new_account("Lamp desk")
    own, other = product.phone("+15550166001"), product.phone("+15550166002", name="Greta Light")
    product.link(account, own)
    body = {"to": own, "type": "text", "text": "Do you have the copper lamp?"}
    product.call("POST", f"/sandbox/phones/{other}/messages", json=body)
    eventually(
        lambda: product.call("GET", f"/accounts/{account}/messages")["results"],
        what="the message is stored",
    )
    return account


@pytest.fixture
def chief(chromium, product):
    """chief(theme=, size=) is a window of an administrator of the installation."""
    made = subprocess.run(
        [sys.executable, "manage.py", "create_admin", CHIEF],
        cwd=ROOT,
        env=product.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    secret = json.loads(made.stdout).get("password")
    PASSWORDS.setdefault(CHIEF, secret)
    contexts = []

    def make(theme: str = "light", size=DESKTOP) -> Page:
        context = chromium.new_context(base_url=product.url, color_scheme=theme, viewport=size)
        context.set_default_timeout(DEADLINE)
        contexts.append(context)
        page = context.new_page()
        page.goto("/sign-in?next=/administration/installation/")
        page.get_by_label("E-mail").fill(CHIEF)
        page.get_by_label("Password").fill(PASSWORDS[CHIEF])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/administration/installation/")
        return page

    yield make
    for context in contexts:
        context.close()


PASSWORDS: dict[str, str] = {}


def home(page: Page) -> str:
    page.goto("/")
    live(page)
    return page.url.rstrip("/")


# Search --------------------------------------------------------------------------------------


def test_a_slash_searches_from_any_page_and_leads_to_the_message(page: Page, desk):
    home(page)
    page.keyboard.press("/")
    expect(page.locator("#side-q")).to_be_focused()
    page.keyboard.type("copper")
    page.keyboard.press("Enter")
    hit = page.locator("#found").get_by_role("link", name="Do you have the copper lamp?")
    expect(hit).to_be_visible()
    check(page)
    hit.click()
    message = page.locator(".msg:target")
    expect(message).to_contain_text("copper lamp")
    expect(message).to_be_in_viewport()


def test_results_come_while_one_types(page: Page, desk):
    workspace = home(page)
    page.goto(f"{workspace}/search/")
    field = page.get_by_label("Number, person, message or event")
    expect(field).to_be_focused()
    page.keyboard.type("lamp d", delay=20)
    expect(page.locator("#found").get_by_role("link", name="Lamp desk")).to_be_visible()
    field.fill("nothing like this")
    expect(page.get_by_role("heading", name="Nothing holds")).to_be_visible()
    assert "q=nothing" in page.url
    check(page)


def test_without_scripts_the_search_works_too(open_page, desk):
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.locator("#side-q").fill("greta")
    page.locator("#side-q").press("Enter")
    expect(page.get_by_role("link", name="Greta Light")).to_be_visible()


# Keys ----------------------------------------------------------------------------------------


def test_keys_go_places_and_are_listed(page: Page):
    workspace = home(page)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    expect(dialog.locator("[data-shortcut-places] dd")).to_contain_text(["Overview", "Numbers"])
    check(page)
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_url(f"{workspace}/webhooks/")
    live(page)
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(dialog).to_be_visible()


def test_no_key_does_anything_while_somebody_types(page: Page):
    workspace = home(page)
    page.goto(f"{workspace}/keys/")
    field = page.get_by_label("Name")
    field.click()
    page.keyboard.type("gn/?jk")
    expect(field).to_have_value("gn/?jk")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.url == f"{workspace}/keys/"
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("n")
    page.wait_for_url(f"{workspace}/numbers/")


def test_keys_with_a_modifier_belong_to_the_browser(page: Page):
    workspace = home(page)
    for chord in ("Control+/", "Alt+/", "Meta+/"):
        page.keyboard.press(chord)
    expect(page.locator("#side-q")).not_to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("Control+n")
    assert page.url.rstrip("/") == workspace


def test_single_keys_can_be_switched_off_for_good(page: Page):
    home(page)
    page.keyboard.press("?")
    page.get_by_label("Single keys do something").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    live(page)
    page.keyboard.press("/")
    expect(page.locator("#side-q")).not_to_be_focused()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_label("Single keys do something").check()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#side-q")).to_be_focused()


def test_j_and_k_walk_a_list(page: Page, desk):
    workspace = home(page)
    page.goto(f"{workspace}/events/")
    live(page)
    rows = page.locator(".event-link")
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(0)).to_be_focused()


# What is live --------------------------------------------------------------------------------


def test_an_open_table_stays_open_while_the_page_goes_on(page: Page, product, desk):
    home(page)
    page.get_by_text("As a table").click()
    table = page.get_by_role("table", name="Messages per hour")
    expect(table).to_be_visible()
    page.evaluate("document.querySelector('.tally').dataset.before = 'yes'")
    product.new_account("One more")
    body = {"to": "+15550166001", "type": "text", "text": "And in brass?"}
    product.call("POST", "/sandbox/phones/+15550166002/messages", json=body)
    expect(page.locator(".tally[data-before]")).to_have_count(0, timeout=DEADLINE)
    expect(table).to_be_visible()
    check(page)


def test_the_audit_log_grows_by_itself(page: Page, product):
    workspace = home(page)
    page.goto(f"{workspace}/audit/")
    live(page)
    product.new_account("Fresh entry")
    first = page.locator("#audit-rows .audit-action").first
    expect(first).to_have_text("account.created", timeout=DEADLINE)


def test_health_draws_the_memory(page: Page, product, desk):
    workspace = home(page)
    page.goto(f"{workspace}/numbers/{desk}/health")
    live(page)
    expect(page.locator(".memory-line")).to_be_visible(timeout=DEADLINE)
    before = page.locator(".memory-line").get_attribute("points")
    expect(page.locator(".memory-line")).not_to_have_attribute(
        "points", before, timeout=2 * DEADLINE
    )
    check(page)


# The installation ----------------------------------------------------------------------------


def test_a_node_is_drained_and_takes_its_numbers_back(chief, product, desk):
    page = chief()
    row = page.locator(".nodes tbody tr")
    expect(row).to_have_count(1)
    row.get_by_role("link", name="Drain").click()
    dialog = page.get_by_role("dialog", name="Drain “")
    expect(dialog.get_by_text("its numbers stay offline until you end the drain")).to_be_visible()
    check(page)
    dialog.get_by_role("button", name="Drain").click()
    expect(page.get_by_text("gives its numbers away.")).to_be_visible()
    expect(row.get_by_text("Drained, empty")).to_be_visible(timeout=2 * DEADLINE)
    assert product.account(desk)["status"] == "reconnecting"
    row.get_by_role("link", name="End the drain").click()
    page.get_by_role("dialog").get_by_role("button", name="End the drain").click()
    expect(row.get_by_text("Runs", exact=True)).to_be_visible(timeout=DEADLINE)
    product.until(desk, "connected", within=30)
    expect(page.get_by_text("Drain ended")).to_be_visible()


@pytest.mark.parametrize(("theme", "size"), LOOKS, ids=NAMES)
def test_the_installation_is_accessible_and_fits(chief, desk, theme, size):
    page = chief(theme, size)
    expect(page.get_by_role("heading", name="What waits")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Drain").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page)


@pytest.mark.parametrize(("theme", "size"), LOOKS, ids=NAMES)
def test_new_pages_are_accessible_and_fit(open_page, product, desk, theme, size):
    page = open_page(theme=theme, size=size)
    workspace = home(page)
    check(page)
    key = product.call("POST", "/api-keys", json={"name": f"k{theme}", "scopes": ["read"]})
    for path in (
        "/search/",
        "/search/?q=lamp",
        "/search/?q=nothingatall",
        f"/keys/{key['id']}/edit",
        "/keys/",
        "/audit/",
        "/members/",
        f"/numbers/{desk}/health",
    ):
        page.goto(workspace + path)
        live(page)
        check(page)
    if size is PHONE:
        page.goto(workspace)
        page.get_by_role("link", name="Search", exact=True).click()
        page.wait_for_url("**/search/")
