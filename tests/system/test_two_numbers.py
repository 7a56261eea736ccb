"""Two numbers of ours write to each other: neonize on both sides, over REST, every type.

Both event logs must tell the same message: out for the one, in for the other, one wa_id.
"""

from __future__ import annotations

import hashlib

import pytest

from messaging.outbox.requests import OPERATIONS, TYPES
from tests.product import eventually
from tests.system.engine_line import b64
from tests.system.example_files import example_files

FILES = example_files()
PLACE = {"latitude": 52.5163, "longitude": 13.3777, "name": "Shop", "address": "Berlin"}
POLL = {"name": "Tea?", "options": ["Yes", "No"], "selectable": 1}
VCARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Office\nEND:VCARD"
BODIES = {
    "text": {"text": "Hello, ünï 😀"},
    "image": {"media": {"base64": b64(FILES["photo.jpg"])}, "caption": "look"},
    "video": {"media": {"base64": b64(FILES["clip.mp4"])}, "caption": "play"},
    "audio": {"media": {"base64": b64(FILES["song.mp3"])}},
    "voice": {"media": {"base64": b64(FILES["voice.ogg"])}},
    "document": {"media": {"base64": b64(FILES["offer.pdf"])}, "filename": "offer.pdf"},
    "sticker": {"media": {"base64": b64(FILES["sticker.webp"])}},
    "location": {"location": PLACE},
    "contact": {"contacts": [{"name": "Office", "vcard": VCARD}]},
    "poll": {"poll": POLL},
}
BYTES = dict(
    zip(
        ("image", "video", "audio", "voice", "document", "sticker"),
        ("photo.jpg", "clip.mp4", "song.mp3", "voice.ogg", "offer.pdf", "sticker.webp"),
        strict=True,
    )
)


class Number:
    def __init__(self, product, phone):
        self.product, self.phone = product, product.phone(phone)
        self.account = product.new_account(phone)
        product.link(self.account, phone)

    def send(self, **body):
        return self.product.call("POST", f"/accounts/{self.account}/messages", json=body)

    def told(self, kind, **wanted):
        """The data of the one event of this type with these values."""

        def look():
            path = f"/events?account={self.account}&types={kind}&limit=500"
            events = self.product.call("GET", path)["results"]
            return [e["data"] for e in events if wanted.items() <= e["data"].items()]

        found = eventually(look, within=30, what=f"{kind} {wanted}")
        assert len(found) == 1, found
        return found[0]

    def says(self, other, **body):
        """Send and wait: what this log tells of it, and what the other one does."""
        sent = self.send(to=other.phone, **body)
        ours = self.told("message", id=sent["id"])
        return ours, other.told("message", wa_id=ours["wa_id"])


@pytest.fixture(scope="module")
def pair(product):
    return Number(product, "+15557301"), Number(product, "+15557302")


def test_there_is_a_body_for_every_type():
    assert set(BODIES) | OPERATIONS == set(TYPES)


@pytest.mark.parametrize("turned", [False, True], ids=["there", "back"])
@pytest.mark.parametrize("kind", BODIES)
def test_a_message_is_told_on_both_sides(product, pair, kind, turned):
    one, other = reversed(pair) if turned else pair

    ours, theirs = one.says(other, type=kind, **BODIES[kind])

    assert (ours["direction"], theirs["direction"]) == ("out", "in")
    assert (ours["type"], theirs["type"]) == (kind, kind)
    assert theirs["sender"]["phone_number"] == ours["sender"]["phone_number"] == one.phone
    for message, person in ((ours, other), (theirs, one)):
        assert message["chat"]["jid"] == f"{person.phone[1:]}@s.whatsapp.net"
        assert message["chat"]["lid"].endswith("@lid")
    for name in ("text",) if kind in ("text", "image", "video") else ():
        assert ours[name] == theirs[name]
    if kind == "location":
        assert {name: theirs["location"][name] for name in PLACE} == PLACE
    if kind == "contact":
        assert theirs["contacts"] == ours["contacts"]
    if kind == "poll":
        assert theirs["poll"] == ours["poll"]
    if kind in BYTES:
        data = FILES[BYTES[kind]]
        assert theirs["media"]["sha256"] == hashlib.sha256(data).hexdigest()
        assert theirs["media"]["mime_type"] == ours["media"]["mime_type"]
        got = product.api.get(f"/media/{theirs['media']['id']}?wait=20")
        assert got.content == data
    one.told("message.ack", message_id=ours["id"], status="delivered")
    assert product.call("GET", f"/messages/{ours['id']}")["status"] == "delivered"


def test_a_reply_names_the_same_message_on_both_sides(pair):
    one, other = pair
    ours, theirs = one.says(other, type="text", text="The question")

    answer, heard = other.says(
        one, type="text", text="The answer", reply_to=theirs["id"], mentions=[one.phone]
    )

    assert answer["quoted"]["message_id"] == theirs["id"]
    assert heard["quoted"]["message_id"] == ours["id"]
    assert [m["phone_number"] for m in answer["mentions"]] == [one.phone]
    assert [m["phone_number"] for m in heard["mentions"]] == [one.phone]


def test_reactions_edits_and_revokes_are_told_on_both_sides(pair):
    one, other = pair
    ours, theirs = one.says(other, type="text", text="teh")
    wa_id = ours["wa_id"]

    other.send(type="reaction", message_id=theirs["id"], emoji="👍")
    for number, message, direction in ((other, theirs, "out"), (one, ours, "in")):
        told = number.told("message.reaction", wa_id=wa_id)
        assert (told["direction"], told["emoji"]) == (direction, "👍")
        assert told["message_id"] == message["id"]

    one.send(type="edit", message_id=ours["id"], text="the")
    for number, message, direction in ((one, ours, "out"), (other, theirs, "in")):
        told = number.told("message.edited", wa_id=wa_id)
        assert (told["direction"], told["text"]) == (direction, "the")
        assert told["message_id"] == message["id"]

    one.send(type="revoke", message_id=ours["id"])
    for number, message, direction in ((one, ours, "out"), (other, theirs, "in")):
        told = number.told("message.revoked", wa_id=wa_id)
        assert (told["direction"], told["message_id"]) == (direction, message["id"])
