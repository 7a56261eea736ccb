"""Writes docs/screenshots/: every page in light and dark, wide and on a phone.

`python -m tests.screenshots [WORD…]` makes only those whose name holds one of the words.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium_path
from tests.product import EMAIL, PASSWORD, ROOT, Product, eventually
from tests.screenshots import house
from tests.screenshots.house import House

TARGET = ROOT / "docs" / "screenshots"
THEMES = ("light", "dark")
SIZES = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 360, "height": 760}}
PATIENCE = 60.0  # seconds until everything has ended
COLOURS = 256  # in a picture: pages are flat, and half the bytes are saved
SETTLED = """() => document.querySelector("[data-live-state]") === null
  || document.querySelector("[data-live-state=open]") !== null"""


def main(words: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder), NODE_NAME="node-1", NODE_CAPACITY="50")
        furnished = None
        try:
            product.start()
            furnished = house.furnish(product)
            _remember(product)
            written = _pictures(product, furnished, words)
        finally:
            if furnished is not None:
                furnished.close()
            product.stop(within=PATIENCE)
    total = sum(path.stat().st_size for path in TARGET.glob("*.png"))
    print(f"{written} pictures; {TARGET} holds {total / 1e6:.1f} MB")


def _remember(product: Product) -> None:
    subprocess.run(
        [sys.executable, "-m", "tests.screenshots.yesterday"],
        cwd=ROOT,
        env=product.environment,
        check=True,
    )


def _pictures(product: Product, furnished: House, words: list[str]) -> int:
    TARGET.mkdir(parents=True, exist_ok=True)
    written = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        for theme in THEMES:
            for size, viewport in SIZES.items():
                house.show_a_code(furnished)
                for name, page in _pages(browser, product, furnished, words, theme, viewport):
                    _keep(page, TARGET / f"{name}-{theme}-{size}.png")
                    written += 1
        browser.close()
    return written


def _pages(
    browser: Browser,
    product: Product,
    furnished: House,
    words: list[str],
    theme: str,
    viewport: dict[str, int],
) -> Iterator[tuple[str, Page]]:
    """Each page that is wanted, opened and at rest."""
    context = browser.new_context(
        base_url=product.url, color_scheme=theme, viewport=viewport, reduced_motion="reduce"
    )
    page = context.new_page()
    for name, address in strangers().items():
        if _wanted(name, words):
            page.goto(address)
            yield name, page
    workspace = _sign_in(page)
    for name, address in addresses(product, furnished, workspace).items():
        if _wanted(name, words):
            page.goto(address)
            page.wait_for_function(SETTLED)
            page.wait_for_load_state("networkidle")
            yield name, page
    context.close()


def _wanted(name: str, words: list[str]) -> bool:
    return not words or any(word in name for word in words)


def _sign_in(page: Page) -> str:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/workspaces/*/")
    return page.url.rstrip("/")


def strangers() -> dict[str, str]:
    return {
        "sign-in": "/sign-in",
        "forgotten": "/password/forgotten",
        "join-unusable": "/join/unknown",
    }


def addresses(product: Product, furnished: House, workspace: str) -> dict[str, str]:
    """Every page by name. A page with several states is there once for each."""
    numbers = {label: f"{workspace}/numbers/{pk}" for label, pk in furnished.numbers.items()}
    support, ada = numbers["Support Berlin"], house.PEOPLE[0][0]
    return {
        "overview": f"{workspace}/",
        "search": f"{workspace}/search/?q=shelf",
        "search-empty": f"{workspace}/search/",
        "numbers": f"{workspace}/numbers/",
        "number-new": f"{workspace}/numbers/new",
        "number-connected": f"{support}/",
        "number-qr_scanning": f"{numbers['Trade fair']}/",
        "number-logged_out": f"{numbers['Returns']}/",
        "number-disconnected": f"{numbers['Recruiting']}/",
        "conversations": f"{support}/conversations/",
        "conversation": f"{support}/conversations/{chat_of(product, furnished)}/",
        "conversations-empty": f"{numbers['Recruiting']}/conversations/",
        "timeline": f"{support}/timeline",
        "health": f"{support}/health",
        "settings": f"{support}/settings",
        "danger": f"{support}/danger",
        "events": f"{workspace}/events/",
        "event": f"{workspace}/events/{message_of(product)}",
        "webhooks": f"{workspace}/webhooks/",
        "webhook-new": f"{workspace}/webhooks/new",
        "webhook": f"{workspace}/webhooks/{furnished.webhooks['CRM']}/",
        "webhook-failing": f"{workspace}/webhooks/{furnished.webhooks['Old helpdesk']}/",
        "webhook-replay": f"{workspace}/webhooks/{furnished.webhooks['CRM']}/replay",
        "sandbox": f"{workspace}/sandbox/",
        "sandbox-phone": f"{workspace}/sandbox/{ada}/",
        "members": f"{workspace}/members/",
        "keys": f"{workspace}/keys/",
        "key-edit": f"{workspace}/keys/{key_of(product)}/edit",
        "audit-log": f"{workspace}/audit/",
        "workspace": f"{workspace}/settings/",
        "you": "/you/",
        "you-password": "/you/password",
        "you-second-factor": "/you/two-factor",
        "you-logins": "/you/sessions",
        "problems": "/api/problems",
        "workspaces": "/administration/workspaces/",
        "installation": "/administration/installation/",
        "installation-drain": "/administration/installation/nodes/node-1/drain",
    }


def chat_of(product: Product, furnished: House) -> str:
    """The console's id of the conversation with Ada."""
    account = furnished.numbers["Support Berlin"]
    ada = house.PEOPLE[0][0]

    def look() -> str:
        chats = product.call("GET", f"/accounts/{account}/chats")["results"]
        return next((str(c["id"]) for c in chats if c["phone_number"] == ada), "")

    return eventually(look, what="the conversation with Ada")


def message_of(product: Product) -> str:
    """The id of an event that tells of a message."""
    events = product.call("GET", "/events?after=0&types=message&limit=1")["results"]
    return str(events[0]["id"])


def key_of(product: Product) -> str:
    keys = product.call("GET", "/api-keys")["results"]
    return next(str(key["id"]) for key in keys if key["name"] == "CRM")


def _keep(page: Page, path: Path) -> None:
    """The picture with few colours, which is what pages have."""
    shot = page.screenshot(animations="disabled", caret="hide")
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
