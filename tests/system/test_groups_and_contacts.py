"""Groups, number checks and read marks with the real engine and virtual phones."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.product import API_KEY, ROOT, eventually


@pytest.fixture(scope="module")
def linked(product):
    account = product.new_account("Groups")
    product.link(account, product.phone("+15557101"))
    return account


@pytest.fixture
def ann(product, number):
    return product.phone(number, name="Ann")


@pytest.fixture
def ben(product, number):
    return product.phone(f"{number}7", name="Ben")


def control(product, method, path, body=None):
    """The sandbox's own control API: what virtual phones do with groups."""
    where = json.loads((Path(product.environment["DATA_DIR"]) / "sandbox/network.json").read_text())
    answer = httpx.request(
        method,
        where["control_url"].rstrip("/") + path,
        json=body,
        headers={"Authorization": f"Bearer {where['control_token']}"},
        timeout=20,
        trust_env=False,
    )
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def jid(number):
    return f"{number[1:]}@s.whatsapp.net"


def members(group):
    return {one["phone_number"] for one in group["participants"]}


def test_a_group_is_made_changed_and_left(product, linked, ann, ben):
    at = f"/accounts/{linked}/groups"
    ours = product.account(linked)["phone_number"]

    wanted = [ann, "+15559990001"]  # nobody has the second number
    made = product.call("POST", at, json={"subject": "Deliveries", "participants": wanted})
    assert made["subject"] == "Deliveries"
    assert members(made) == {ours, ann}
    group = f"{at}/{made['jid']}"

    added = product.call("POST", f"{group}/participants", json={"participants": [ben]})
    assert [(one["phone_number"], one["ok"]) for one in added["results"]] == [(ben, True)]
    product.call("POST", f"{group}/participants", json={"action": "promote", "participants": [ben]})
    changed = product.call(
        "PATCH", group, json={"subject": "News", "description": "Only us", "announce": True}
    )
    assert (changed["subject"], changed["description"], changed["announce"]) == (
        "News",
        "Only us",
        True,
    )
    assert members(changed) == {ours, ann, ben}
    assert {m["phone_number"] for m in changed["participants"] if m["admin"]} == {ours, ben}
    assert made["jid"] in [g["jid"] for g in product.call("GET", at)["results"]]
    assert control(product, "GET", f"/groups/{made['jid']}")["subject"] == "News"

    removed = product.api.request("DELETE", f"{group}/participants", json={"participants": [ann]})
    assert removed.json()["results"][0]["ok"] is True
    assert members(product.call("GET", group)) == {ours, ben}

    product.call("POST", f"{group}/leave")
    assert made["jid"] not in [g["jid"] for g in product.call("GET", at)["results"]]
    gone = product.api.get(group)
    assert gone.status_code in (403, 404), gone.text


def test_a_group_of_somebody_else_is_joined_by_its_link(product, linked, ann):
    theirs = control(
        product, "POST", "/groups", {"owner": ann, "subject": "Neighbours", "participants": []}
    )
    link = control(product, "POST", f"/groups/{theirs['jid']}/invite", {"by": ann})["link"]

    joined = product.call("POST", f"/accounts/{linked}/groups/join", json={"link": link})

    assert joined["jid"] == theirs["jid"]
    again = product.api.post(f"/accounts/{linked}/groups/join", json={"link": link})
    assert (again.status_code, again.json()["code"]) == (409, "already_done"), again.text
    group = product.call("GET", f"/accounts/{linked}/groups/{joined['jid']}")
    assert group["subject"] == "Neighbours"
    refused = product.api.get(f"/accounts/{linked}/groups/{joined['jid']}/invite")
    assert refused.status_code in (200, 403), refused.text
    wrong = product.api.post(f"/accounts/{linked}/groups/join", json={"code": "AAAAAAAAAAAAAAAA"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "not_found"), wrong.text


def test_our_own_groups_link_is_read_and_reset(product, linked):
    at = f"/accounts/{linked}/groups"
    made = product.call("POST", at, json={"subject": "Alone"})

    first = product.call("GET", f"{at}/{made['jid']}/invite")["link"]
    second = product.call("POST", f"{at}/{made['jid']}/invite")["link"]

    assert first.startswith("https://chat.whatsapp.com/")
    assert first != second


def test_a_group_gets_a_picture_and_shows_it(product, linked):
    at = f"/accounts/{linked}/groups"
    made = product.call("POST", at, json={"subject": "Ships"})
    out = io.BytesIO()
    Image.new("RGB", (200, 300), "navy").save(out, "PNG")

    told = product.call(
        "POST",
        f"{at}/{made['jid']}/picture",
        json={"base64": base64.b64encode(out.getvalue()).decode()},
    )

    assert told["picture_id"]
    shown = product.api.get(
        f"/accounts/{linked}/contacts/{made['jid']}/avatar", headers={"Accept": "image/*"}
    )
    assert shown.headers["X-Avatar-Source"] == "live"
    with Image.open(io.BytesIO(shown.content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (640, 640))


def test_numbers_are_checked(product, linked, ann):
    nobody = "+15559990000"

    told = product.call(
        "POST", f"/accounts/{linked}/contacts/check", json={"numbers": [ann, nobody]}
    )["results"]

    assert [(one["number"], one["registered"]) for one in told] == [(ann, True), (nobody, False)]
    assert told[0]["jid"] == jid(ann)
    assert told[0]["lid"].endswith("@lid")


def test_a_message_is_read_and_its_sender_sees_it(product, linked, ann):
    ours = product.account(linked)["phone_number"]
    product.call(
        "POST",
        f"/sandbox/phones/{ann}/messages",
        json={"to": ours, "type": "text", "text": "read me"},
    )

    def chat():
        found = product.call("GET", f"/accounts/{linked}/chats")["results"]
        return next((c for c in found if c["jid"] == jid(ann) and c["unread"]), None)

    eventually(chat, what="the message arrived unread")
    told = product.call("POST", f"/accounts/{linked}/chats/{ann}/read", json={})

    assert (told["marked"], told["unread"]) == (1, 0)
    eventually(
        lambda: (
            "read" in json.dumps(product.call("GET", f"/sandbox/phones/{ann}/receipts")["results"])
        ),
        what="the phone got the read receipt",
    )


def test_a_sender_is_a_contact_with_push_name_and_both_names(product, linked, ann):
    ours = product.account(linked)["phone_number"]
    product.call(
        "POST", f"/sandbox/phones/{ann}/messages", json={"to": ours, "type": "text", "text": "hi"}
    )

    contact = eventually(
        lambda: next(
            iter(product.call("GET", f"/accounts/{linked}/contacts?search={ann[1:]}")["results"]),
            None,
        ),
        what="the contact is there",
    )

    assert (contact["push_name"], contact["phone_number"]) == ("Ann", ann)
    assert contact["lid"].endswith("@lid")


def test_presence_and_typing_reach_whatsapp(product, linked, ann):
    for state in ("available", "unavailable", "available"):
        answer = product.call("POST", f"/accounts/{linked}/presence", json={"state": state})
        assert answer == {"state": state}
    for state in ("typing", "recording", "paused"):
        address = f"/accounts/{linked}/chats/{ann}/typing"
        assert product.call("POST", address, json={"state": state}) == {"state": state}


def test_the_guides_commands_do_what_it_says(product, linked, ann, ben, tmp_path):
    """Every curl line of docs/contacts-and-groups.md, in its order, with virtual phones."""
    ours = product.account(linked)["phone_number"]
    product.call(
        "POST", f"/sandbox/phones/{ann}/messages", json={"to": ours, "type": "text", "text": "hi"}
    )
    eventually(
        lambda: product.api.get(f"/accounts/{linked}/contacts/{ann}").is_success,
        what="the account knows Ann",
    )
    made = product.call("POST", f"/accounts/{linked}/groups", json={"subject": "Of the guide"})
    theirs = control(
        product, "POST", "/groups", {"owner": ann, "subject": "Theirs", "participants": []}
    )
    link = control(product, "POST", f"/groups/{theirs['jid']}/invite", {"by": ann})["link"]
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "ship.png")
    guide = (ROOT / "docs" / "contacts-and-groups.md").read_text()
    typed = [line.strip() for line in guide.splitlines() if line.startswith("    ")]
    commands = "\n".join(line for line in typed if not line.startswith("{"))
    for written, meant in (
        ("http://127.0.0.1:8000", product.url),
        ("curl -s", "curl -sS --fail-with-body"),
        ("+15550100200", ann),
        ("+15550100201", ben),
        ("120363041234567890@g.us", made["jid"]),
        ("https://chat.whatsapp.com/AbCdEfGhIjKlMn", link),
    ):
        assert written in commands
        commands = commands.replace(written, meant)

    ended = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "KEY": API_KEY, "ACCOUNT": linked},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 0, f"{ended.stderr[-1500:]}\n{ended.stdout[-1500:]}"
    assert commands.count("curl ") >= 20


def test_a_number_that_is_not_connected_says_so(product):
    account = product.new_account("Nobody")

    for method, path, body in (
        ("GET", "groups", None),
        ("POST", "contacts/check", {"numbers": ["+15550009"]}),
        ("POST", "presence", {"state": "available"}),
    ):
        answer = product.api.request(method, f"/accounts/{account}/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_connected")
