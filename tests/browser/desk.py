"""A connected number with a phone that writes to it, and what a test touches in their thread."""

from __future__ import annotations

import io
from itertools import count

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, live
from tests.product import eventually

NUMBERS = count(15550190001)
LOOKS = {
    "light-desktop": ("light", DESKTOP),
    "dark-desktop": ("dark", DESKTOP),
    "light-phone": ("light", PHONE),
    "dark-phone": ("dark", PHONE),
}


def drawing(colour: str = "#3f6fb5", size: tuple[int, int] = (480, 320)) -> bytes:
    made = io.BytesIO()
    image = Image.new("RGB", size, colour)
    image.paste("#e8b04a", (size[0] // 3, size[1] // 4, size[0] * 2 // 3, size[1] * 3 // 4))
    image.save(made, "JPEG")
    return made.getvalue()


class Desk:
    """A connected number, and a phone that writes to it."""

    def __init__(self, product, label: str = "Support Berlin") -> None:
        self.product = product
        self.own, self.other = f"+{next(NUMBERS)}", f"+{next(NUMBERS)}"
        self.account = product.new_account(label)
        product.phone(self.own, name="Desk")
        product.phone(self.other, name="Ada Byron")
        product.link(self.account, self.own)
        workspace = product.call("GET", "/workspace")["id"]
        self.path = f"/workspaces/{workspace}/numbers/{self.account}/conversations/"
        self.sandbox = f"/workspaces/{workspace}/sandbox/"

    def says(self, kind: str = "text", sender: str = "", **body) -> str:
        """The phone sends; the WhatsApp id."""
        body = {"to": self.own, "type": kind, **body}
        path = f"/sandbox/phones/{sender or self.other}/messages"
        return self.product.call("POST", path, json=body)["ids"][0]

    def inbox(self) -> list[dict]:
        return self.product.call("GET", f"/sandbox/phones/{self.other}/inbox")["results"]

    def got(self, **wanted) -> dict:
        """The entry of the phone's inbox that has these values, once it is there."""

        def look():
            return [e for e in self.inbox() if all(e.get(k) == v for k, v in wanted.items())]

        return eventually(look, what=f"the phone shows {wanted}")[0]

    def open(self, page: Page) -> None:
        """The conversation with the phone, from the list."""
        page.goto(self.path)
        page.locator(".chat", has_text="Ada Byron").first.click()
        expect(page.locator("#composer, .composer").first).to_be_visible()
        live(page)


def bubble(page: Page, text: str):
    return page.locator(".msg", has_text=text).last


def menu(page: Page, text: str):
    opened = bubble(page, text)
    opened.locator("summary.menu-open").click()
    return opened
