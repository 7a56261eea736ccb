"""A Chromium, a signed-in page, and the checks that every page must pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium_path
from tests.product import EMAIL, PASSWORD, Product

DEADLINE = 30_000  # milliseconds
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 360, "height": 760}
LISTEN = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error("CSP", event.violatedDirective, event.blockedURI, event.sample);
});
"""


@pytest.fixture(scope="session")
def chromium():
    if chromium_path() is None:
        sentence = "no Chromium found; install it or set CHROMIUM to its path"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def product(chromium, tmp_path_factory):
    """One running product for all browser tests; made only where there is a browser."""
    running = Product(tmp_path_factory.mktemp("product"))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def signed_in(chromium, product):
    """The cookies of the owner."""
    context = chromium.new_context(base_url=product.url)
    page = context.new_page()
    sign_in(page)
    state = context.storage_state()
    context.close()
    return state


def sign_in(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/workspaces/*/")


@pytest.fixture
def open_page(chromium, product, signed_in):
    """open_page(theme=, size=, …) is a new window of the owner. No script may fail in it."""
    contexts, complaints = [], []

    def make(*, theme: str = "light", size: dict[str, int] = DESKTOP, **options) -> Page:
        context = chromium.new_context(
            base_url=product.url,
            storage_state=signed_in,
            color_scheme=theme,
            viewport=size,
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(DEADLINE)
        context.add_init_script(LISTEN)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda line: complaints.append(line.text) if "CSP " in line.text else None,
        )
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page):
    return open_page()


def live(page: Page) -> None:
    """Wait until the page listens."""
    expect(page.locator("[data-live-state=open]")).to_be_attached(timeout=DEADLINE)


def check(page: Page) -> None:
    """No accessibility violation, and nothing wider than the window."""
    found = Axe().run(page).response["violations"]
    told = [(bad["id"], [node["target"] for node in bad["nodes"]][:5]) for bad in found]
    assert told == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page in the folder SCREENSHOTS, to look at. Those of the documentation
    are made by `make screenshots`."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")
