"""Fills a running product, through its API and its sandbox, with what a small firm would have."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from PIL import Image, ImageDraw

from tests.product import Product, eventually
from tests.receiver import Receiver, status

# label, phone of ours, how it ends
NUMBERS = (
    ("Support Berlin", "+4915550100001", "connected"),
    ("Sales desk", "+4915550100002", "connected"),
    ("Deliveries", "+4915550100003", "connected"),
    ("Orders Vienna", "+4315550100004", "connected"),
    ("Returns", "+4915550100005", "logged_out"),
    ("Trade fair", "", "qr_scanning"),
    ("Recruiting", "", "disconnected"),
)
PEOPLE = (
    ("+4917655500011", "Ada Byron"),
    ("+4917655500012", "Ben Okafor"),
    ("+4366055500013", "Carla Novak"),
    ("+4479155500014", "David Lindqvist"),
)
SAID = (
    (1, "Hello, is the oak shelf still there?"),
    (2, "When do you open on Saturday?"),
    (3, "Thank you, the parcel has arrived."),
)


@dataclass
class House:
    """What there is, by name: ids of numbers and webhooks."""

    product: Product
    numbers: dict[str, str] = field(default_factory=dict)
    webhooks: dict[str, str] = field(default_factory=dict)
    sent: str = ""  # id of a message of ours to Ada
    invitation: str = ""  # the path of one that can be used
    receivers: list[Receiver] = field(default_factory=list)

    def close(self) -> None:
        for receiver in self.receivers:
            receiver.stop()


def furnish(product: Product) -> House:
    house = House(product)
    _webhooks(house)
    for number, name in PEOPLE:
        product.phone(number, name=name)
    for label, own, end in NUMBERS:
        _number(house, label, own, end)
    _conversation(house)
    for scopes, name in ((["read", "send"], "CRM"), (["read"], "Reports")):
        product.call("POST", "/api-keys", json={"name": name, "scopes": scopes})
    for role, email in (("operator", "nia@example.test"), ("viewer", "")):
        invitation = {"role": role, "email": email}
        made = product.call("POST", "/invitations", json=invitation)
        house.invitation = urlsplit(made["url"]).path
    _settle(house)
    return house


def _webhooks(house: House) -> None:
    answers = (("CRM", ()), ("Old helpdesk", (status(500, b"no database"),)))
    for name, answer in answers:
        receiver = Receiver(*answer).start()
        house.receivers.append(receiver)
        made = house.product.call(
            "POST", "/webhooks", json={"url": receiver.url, "description": name}
        )
        house.webhooks[name] = made["id"]


def _number(house: House, label: str, own: str, end: str) -> None:
    product = house.product
    account = house.numbers[label] = product.new_account(label)
    if own:
        product.phone(own, name=label)
        product.link(account, own)
    if end == "qr_scanning":
        product.connect(account)
    if end == "logged_out":
        product.call("POST", f"/sandbox/phones/{own}/unlink", json={"account_id": account})
        product.until(account, "logged_out")


def show_a_code(house: House) -> None:
    """The number that waits for a phone has a code again, if the last one ran out."""
    account = house.numbers["Trade fair"]
    if house.product.account(account)["status"] != "qr_scanning":
        house.product.connect(account)


def _conversation(house: House) -> None:
    """Something of everything with Ada, some words with the others, and a group."""
    own, (ada, *_others) = NUMBERS[0][1], [number for number, _name in PEOPLE]
    _says(house, ada, own, text="Good morning! Do you have the lamp in blue?")
    first = _says(house, ada, own, text="The one from your window")
    _says(house, ada, own, "image", caption="This one", media=_file(lamp(), "image/jpeg"))
    for person, text in SAID:
        _says(house, PEOPLE[person][0], own, text=text)
    for label, other in ((1, 3), (2, 1), (3, 2)):
        _says(house, PEOPLE[other][0], NUMBERS[label][1], text=f"Hello, {NUMBERS[label][0]}!")
    house.sent = _send(house, ada, text="Yes, two are left. Shall I put one aside?", reply_to=first)
    _send(house, ada, text="We are open until seven today.")
    eventually(
        lambda: house.product.call("GET", f"/messages/{house.sent}")["status"] == "delivered",
        what="delivered",
    )
    poll = {"name": "When will you come?", "options": ["Today", "Saturday"]}
    asked = _says(house, ada, own, "poll", poll=poll)
    _says(house, ada, own, "vote", vote={"message_id": asked, "options": ["Saturday"]})
    group = house.product.call(
        "POST",
        "/sandbox/groups",
        json={"owner": ada, "subject": "Van 2", "participants": [own, PEOPLE[1][0]]},
    )
    for sender, text in ((ada, "Ten minutes late"), (PEOPLE[1][0], "Fine, the ramp is free")):
        path = f"/sandbox/phones/{sender}/messages"
        body = {"group": group["jid"], "type": "text", "text": text}
        house.product.call("POST", path, json=body)


def _says(house: House, sender: str, to: str, kind: str = "text", **body: Any) -> str:
    """A virtual phone writes to a number of ours; the WhatsApp id."""
    path = f"/sandbox/phones/{sender}/messages"
    ids: list[str] = house.product.call("POST", path, json={"to": to, "type": kind, **body})["ids"]
    return ids[0]


def _send(house: House, to: str, **body: Any) -> str:
    path = f"/accounts/{house.numbers[NUMBERS[0][0]]}/messages"
    made: dict[str, str] = house.product.call("POST", path, json={"to": to, "type": "text", **body})
    return made["id"]


def _settle(house: House) -> None:
    """The webhooks have heard something, and one of them is known to fail."""
    failing = house.webhooks["Old helpdesk"]

    def look() -> bool:
        state = house.product.call("GET", f"/webhooks/{failing}")["status"]
        return state in ("failing", "paused") and len(house.receivers[0].events) > 20

    eventually(look, within=30, what="the webhooks have heard something")


def _file(data: bytes, kind: str) -> dict[str, str]:
    return {"base64": base64.b64encode(data).decode(), "mime_type": kind}


def lamp() -> bytes:
    """A drawing of a blue lamp, as JPEG."""
    image = Image.new("RGB", (640, 420), "#e9e4da")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 340, 640, 420), fill="#b99b74")
    draw.polygon([(250, 170), (390, 170), (350, 70), (290, 70)], fill="#2f5fb4")
    draw.rectangle((314, 170, 326, 330), fill="#444b57")
    draw.ellipse((265, 318, 375, 346), fill="#444b57")
    draw.ellipse((296, 160, 344, 196), fill="#ffe9a8")
    made = io.BytesIO()
    image.save(made, "JPEG", quality=88)
    return made.getvalue()
