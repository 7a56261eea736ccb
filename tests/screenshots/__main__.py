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
from tests.product import EMAIL, PASSWORD, ROOT, Product
from tests.screenshots import house, pages
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
    for name, address in pages.strangers(furnished).items():
        if _wanted(name, words):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            yield name, page
    workspace = _sign_in(page)
    for name, address in pages.members(product, furnished, workspace).items():
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
    workspace = page.url.rstrip("/")
    page.goto("/sign-in/again?next=/you/")  # a second factor can be set up for some minutes now
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/you/")
    return workspace


def _keep(page: Page, path: Path) -> None:
    """The picture with few colours, which is what pages have."""
    shot = page.screenshot(animations="disabled", caret="hide")
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
