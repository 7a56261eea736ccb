"""From the click on "connect" in Chromium until the QR code can be seen on the page."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.chromium import signed_in_page
from tests.product import Product

from .measure import Result, latency

BUDGETS = {50: 0.5, 95: 1.5}  # seconds


def run(folder: Path, quick: bool) -> list[Result]:
    product = Product(folder)
    try:
        product.start()
        with signed_in_page(product) as page:
            _once(product, page)  # warm-up, not counted
            seconds = [_once(product, page) for _ in range(8 if quick else 30)]
    finally:
        product.stop()
    return [latency("qr_latency", seconds, budgets=BUDGETS)]


def _once(product: Product, page: Page) -> float:
    account = product.new_account()
    workspace = product.call("GET", "/workspace")["id"]
    page.goto(f"{product.url}/workspaces/{workspace}/numbers/{account}/")
    page.get_by_text("Live", exact=True).wait_for(state="visible", timeout=15_000)
    began = time.perf_counter()
    page.get_by_role("button", name="Connect", exact=True).click()
    page.locator(".qr-picture").wait_for(state="visible", timeout=15_000)
    seconds = time.perf_counter() - began
    product.call("POST", f"/accounts/{account}/disconnect")
    return seconds
