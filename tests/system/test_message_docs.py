"""docs/messages/: every command is typed, and what the page shows is what comes of it.

A real product with real engines, virtual phones, and a web server that has a file.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from messaging.outbox.requests import TYPES
from tests.product import API_KEY, ROOT, Product, eventually
from tests.system.example_files import example_files
from tests.system.message_pages import BLOCK, Block, Shell, blocks_of, differences, last_answer

INDEX = ROOT / "docs" / "messages.md"
PAGES = sorted((ROOT / "docs" / "messages").glob("*.md"))
ANN = "+15550100200"
VARIABLES = ("API", "AUTH", "JSON", "ACCOUNT", "AT")
FILE_URL = "https://files.example"
WELL = ("sent", "delivered", "read", "played")
HEARD = {  # types of messages that come in, messages.md
    "text", "image", "video", "audio", "voice", "document", "sticker", "location",
    "live_location", "contact", "poll", "view_once", "group_invite", "unsupported",
}  # fmt: skip
TOLD = {
    "message", "message.ack", "message.reaction", "message.edited", "message.revoked",
    "message.poll_vote", "message.media", "message.undecryptable", "group.joined", "group.updated",
}  # fmt: skip


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder in which the commands are typed, with the files that they send."""
    folder = tmp_path_factory.mktemp("typed")
    for name, data in example_files().items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def web(files):
    """Somebody's web server, with the same files."""
    handler = functools.partial(Silent, directory=str(files))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def reader(tmp_path_factory, files, web):
    """Somebody who has typed the start of the index."""
    product = Product(tmp_path_factory.mktemp("docs"), OUTBOUND_MEDIA_ALLOW_PRIVATE="1")
    try:
        yield Reader(product.start(), files, web)
    finally:
        product.stop()


class Reader:
    def __init__(self, product: Product, folder: Path, web: str) -> None:
        self.product, self.folder = product, folder
        self._read: dict[str, list[tuple[Block, Any]]] = {}
        self.replaced = {"http://127.0.0.1:8000": product.url, FILE_URL: web}
        self.variables = {"KEY": API_KEY, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        shell = Shell(folder, self.variables)
        try:
            for block in blocks_of(INDEX):
                if block.kind == "sh":
                    answer = last_answer(shell.type(self._meant(block.text)))
                else:
                    assert block.kind == "json answer"
                    assert differences(block.shown, answer, {}) == []
            printed = shell.type("".join(f'printf "%s\\n" "${name}"\n' for name in VARIABLES))
        finally:
            shell.close()
        self.variables |= dict(zip(VARIABLES, printed.rstrip().splitlines(), strict=True))
        self.account = self.variables["ACCOUNT"]

    def _meant(self, commands: str) -> str:
        for written, meant in self.replaced.items():
            commands = commands.replace(written, meant)
        return commands

    def events(self, after: int = 0) -> list[dict]:
        path = f"/events?after={after}&limit=500&account={self.account}"
        return self.product.call("GET", path)["results"]

    def inbox(self) -> list[dict]:
        path = f"/sandbox/phones/{ANN}/inbox?limit=500&order=newest"
        return self.product.call("GET", path)["results"]

    def once(self, page: Path) -> list[tuple[Block, Any]]:
        """As read; a page that was read is not typed again."""
        if page.stem not in self._read:
            self._read[page.stem] = self.read(page)
        return self._read[page.stem]

    def read(self, page: Path) -> list[tuple[Block, Any]]:
        """Type and check one page. (block, what it was in truth), in order."""
        after = max((event["seq"] for event in self.events()), default=0)
        shell, bound = Shell(self.folder, self.variables), {}
        answer, seen, shown = None, [], []
        try:
            for block in blocks_of(page):
                if block.kind == "sh":
                    answer = last_answer(shell.type(self._meant(block.text)))
                    continue
                looks = {
                    "json answer": lambda: [answer],  # noqa: B023  called in this round
                    "json event": lambda: [e for e in self.events(after) if e not in shown],
                    "json phone": lambda: [e for e in self.inbox() if e not in shown],
                }
                shown.append(self._find(page, block, looks[block.kind], bound))
                seen.append((block, shown[-1]))
                for name, value in bound.items():
                    shell.set(name, value)
        finally:
            shell.close()
        return seen

    def _find(self, page, block, look, bound):
        """What is as the block shows it, once it is there."""
        nearest: list = []

        def find():
            tried = []
            for found in look():
                names = dict(bound)
                wrong = differences(block.shown, found, names)
                if not wrong:
                    bound.update(names)
                    return [found]
                tried.append((len(wrong), json.dumps(found, ensure_ascii=False)[:2000], wrong))
            nearest[:] = sorted(tried, key=lambda one: one[0])[:2]
            return []

        try:
            within = 0 if block.kind == "json answer" else 20
            return eventually(find, within=within, what="as shown")[0]
        except AssertionError:
            raise AssertionError(
                f"{page.name} shows what is not so ({block.kind}):\n{block.text}\n"
                f"known: {bound}\nnearest: {nearest}"
            ) from None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_says_is_so(reader, page):
    seen = reader.once(page)
    answers = [found for block, found in seen if block.kind == "json answer"]
    shown_to_fail = {
        found["data"]["message_id"]
        for block, found in seen
        if block.kind == "json event" and found["data"].get("status") in ("failed", "cancelled")
    } | {a["id"] for a in answers if a.get("status") == "cancelled" and "wa_id" in a}
    sent = [a for a in answers if a.get("direction") == "out" and a["id"] not in shown_to_fail]
    for message in {a["id"]: a for a in reversed(sent)}.values():  # as it was when it was sent
        ended = eventually(
            lambda: _arrived(reader, message),  # noqa: B023  called in this round
            within=20,
            what=f"{message['type']} arrives",
        )
        _was_got(reader, ended, asked=message)
    for block, found in seen:
        if block.kind == "json event" and found["type"] == "message":
            _has_its_file(reader, found["data"])


def _arrived(reader, message):
    shown = reader.product.call("GET", f"/messages/{message['id']}")
    assert shown["error"] is None, shown
    # WhatsApp's phones confirm messages; reactions, edits and revokes they may leave at `sent`.
    well = WELL if message["type"] in ("reaction", "edit", "revoke") else WELL[1:]
    return shown if shown["status"] in well else None


def _was_got(reader, message, asked):
    """The phone has this very message, and of a file each byte."""
    entries = [entry for entry in reader.inbox() if entry["wa_id"] == message["wa_id"]]
    assert [entry["type"] for entry in entries] == [message["type"]]
    said = entries[0]
    if message["type"] in ("text", "image", "video", "document", "edit"):
        assert said["text"] == asked["text"]
    if message["location"]:
        assert message["location"].items() <= said["location"].items()
    if message["contacts"]:
        assert said["contacts"] == message["contacts"]
    if message["poll"]:
        assert said["poll"]["options"] == [option["text"] for option in message["poll"]["options"]]
    if message["quoted"]:
        assert said["quoted"]["wa_id"] == message["quoted"]["wa_id"]
    if message["media"]:
        path = f"/sandbox/phones/{ANN}/inbox/{said['id']}/media"
        data = reader.product.api.get(path).content
        assert hashlib.sha256(data).hexdigest() == message["media"]["sha256"]
        assert data in [path.read_bytes() for path in reader.folder.iterdir() if path.is_file()]


def _has_its_file(reader, message):
    """What came in is here, byte for byte what was sent."""
    if not message["media"]:
        return
    answer = reader.product.api.get(f"/media/{message['media']['id']}?wait=20")
    assert answer.status_code == 200, answer.text
    assert answer.content in [p.read_bytes() for p in reader.folder.iterdir() if p.is_file()]


def test_every_type_is_sent_and_heard_on_some_page(reader):
    """A type or an event that no page shows is missing in the docs."""
    seen = [pair for page in PAGES for pair in reader.once(page)]
    sent = {found["type"] for block, found in seen if block.kind == "json phone"}
    assert set(TYPES) <= sent
    events = [found for block, found in seen if block.kind == "json event"]
    messages = [event["data"] for event in events if event["type"] == "message"]
    heard = {message["type"] for message in messages if message["direction"] == "in"}
    assert heard >= HEARD
    assert {event["type"] for event in events} >= TOLD


def test_the_index_names_every_page_and_every_page_has_a_curl_line():
    index = INDEX.read_text()
    linked = set(re.findall(r"\(messages/([a-z-]+)\.md\)", index))
    assert linked == {page.stem for page in PAGES}
    for page in PAGES:
        commands = [m["text"] for m in BLOCK.finditer(page.read_text()) if m["kind"] == "sh"]
        assert any("curl -" in text for text in commands), page.name
