"""The webhook pages in Chromium: made, tested, failing, replayed, with and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DEADLINE, DESKTOP, PHONE, check, live, picture
from tests.product import eventually
from tests.receiver import Receiver, status


@pytest.fixture
def webhooks(product):
    """The address of the page; no webhook is left over from another test."""
    workspace = product.call("GET", "/workspace")["id"]

    def clean():
        for hook in product.call("GET", "/webhooks")["results"]:
            product.call("DELETE", f"/webhooks/{hook['id']}")

    clean()
    yield f"/workspaces/{workspace}/webhooks/"
    clean()


def happen(product) -> None:
    """Two events of a number that nobody scans."""
    account = product.new_account("Support Berlin")
    product.connect(account)
    product.call("POST", f"/accounts/{account}/disconnect")


def test_from_the_first_click_to_the_first_event(page: Page, product, webhooks):
    with Receiver(status(200, b"thank you")) as server:
        page.goto(webhooks)
        check(page)
        picture(page, "webhooks-empty-light-desktop")
        page.get_by_role("link", name="Add the first webhook").click()
        check(page)
        page.get_by_label("URL").fill(server.url)
        page.get_by_label("Description").fill("CRM")
        page.get_by_role("button", name="Add webhook").click()
        secret = page.locator("#webhook-secret").inner_text()
        assert secret.startswith("whsec_")
        check(page)
        page.get_by_role("link", name="I have copied it").click()
        page.get_by_role("button", name="Send a test event").click()
        expect(page.get_by_text("The test event was taken: 200")).to_be_visible(timeout=DEADLINE)
        check(page)
        happen(product)
        server.wait(3)
        live(page)
        expect(page.get_by_text("session.status").first).to_be_visible(timeout=DEADLINE)
        page.locator("table.deliveries tbody a").first.click()
        expect(page.get_by_text("thank you")).to_be_visible(timeout=DEADLINE)
        check(page)


@pytest.mark.parametrize(
    ("theme", "size"),
    [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)],
    ids=["light-desktop", "dark-desktop", "light-phone", "dark-phone"],
)
def test_what_fails_is_explained_in_every_light_and_size(
    request, open_page, product, webhooks, theme, size
):
    name = request.node.callspec.id
    with Receiver() as good, Receiver(status(500, b"no database")) as bad:
        made = [
            product.call("POST", "/webhooks", json={"url": server.url, "description": words})
            for server, words in [(good, "CRM"), (bad, "Old helpdesk")]
        ]
        gone = product.call("POST", "/webhooks", json={"url": "https://hooks.example.com/in"})
        product.call("POST", f"/webhooks/{gone['id']}/disable")
        happen(product)
        good.wait(2)
        bad.wait(1)
        eventually(lambda: product.call("GET", f"/webhooks/{made[1]['id']}")["status"] == "failing")
        page = open_page(theme=theme, size=size)
        page.goto(webhooks)
        expect(page.get_by_text("Last attempt failed")).to_be_visible(timeout=DEADLINE)
        expect(page.get_by_text("Disabled", exact=True)).to_be_visible()
        check(page)
        picture(page, f"webhooks-{name}")
        page.get_by_role("link", name=bad.url).click()
        expect(page.get_by_text("answered 500").first).to_be_visible(timeout=DEADLINE)
        check(page)
        picture(page, f"webhook-failing-{name}")
        page.get_by_role("link", name="Replay").click()
        page.get_by_role("button", name="Count them").click()
        expect(page.get_by_text(re.compile(r"\d+ events? would be delivered"))).to_be_visible()
        check(page)
        picture(page, f"webhook-replay-{name}")
        page.goto(webhooks + "new")
        check(page)
        picture(page, f"webhook-new-{name}")


def test_without_scripts_everything_can_be_done(open_page, product, webhooks):
    with Receiver() as server:
        page = open_page(java_script_enabled=False)
        page.goto(webhooks + "new")
        page.get_by_label("URL").fill(server.url)
        page.get_by_role("button", name="Add webhook").click()
        page.get_by_role("link", name="I have copied it").click()
        page.get_by_role("button", name="Send a test event").click()
        expect(page.get_by_text("The test event was taken")).to_be_visible()
        page.get_by_role("button", name="Disable").click()
        expect(page.get_by_text("Disabled by")).to_be_visible()
        page.get_by_role("button", name="Enable").click()
        page.get_by_role("link", name="New secret").click()
        page.get_by_role("button", name="New secret").click()
        assert page.locator("#webhook-secret").inner_text().startswith("whsec_")
        page.get_by_role("link", name="I have copied it").click()
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_text("The webhook is deleted")).to_be_visible()


def test_the_questions_are_asked_in_a_dialog(page: Page, product, webhooks):
    with Receiver() as server:
        hook = product.call("POST", "/webhooks", json={"url": server.url})
        page.goto(f"{webhooks}{hook['id']}/")
        page.get_by_role("link", name="Delete").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("Delete this webhook?")).to_be_visible()
        check(page)
        dialog.get_by_role("link", name="Keep it").click()
        expect(dialog).to_be_hidden()
