"""Snapshots, restore and import with a real engine: back without a code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.product import ROOT, Product, eventually, remove_folder


@pytest.fixture(scope="module")
def saving(tmp_path_factory):
    """A product that saves every store by itself, all the time."""
    running = Product(tmp_path_factory.mktemp("saving"), SNAPSHOT_INTERVAL="2")
    try:
        yield running.start()
    finally:
        running.stop()


class Tenant(Product):
    """The same running product, as another workspace sees it."""

    def __init__(self, product, key):
        super().__init__(product.folder, port=product.port)
        self.api.headers["Authorization"] = f"Bearer {key}"


def stores(product, *arguments, code=0):
    """`manage.py stores` beside the running product; its JSON, or its error line."""
    return manage(product, "stores", *arguments, "--json", code=code)


def manage(product, *arguments, code=0):
    ended = subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT,
        env=product.environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == code, ended.stderr + ended.stdout
    return json.loads(ended.stdout) if code == 0 else ended.stderr


def folder(product, account) -> Path:
    return next(Path(product.environment["DATA_DIR"]).glob(f"sessions/*/{account}"))


def rest(product, account):
    product.call("POST", f"/accounts/{account}/disconnect")
    eventually(lambda: not product.health(account)["process_alive"])


def codes_after(product, account, seen):
    """The statuses since `seen` entries of the timeline."""
    entries = product.timeline(account)
    return [entry["to"] for entry in entries[: len(entries) - seen]]


def say(product, sender, number, text):
    product.call(
        "POST",
        f"/sandbox/phones/{sender}/messages",
        json={"to": number, "type": "text", "text": text},
    )


def texts(product, account):
    found = product.call("GET", f"/events?types=message&account={account}&limit=500")["results"]
    return [event["data"]["text"] for event in found]


def test_a_snapshot_under_traffic_brings_the_number_back_without_a_code(product, number):
    account = product.new_account()
    product.link(account, product.phone(number))
    sender = product.phone(f"{number}9", name="Ann")
    stop = threading.Event()

    def talk():
        n = 0
        while not stop.is_set():
            say(product, sender, number, f"before {n}")
            n += 1

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        eventually(lambda: len(texts(product, account)) > 5)
        [kept] = stores(product, "snapshot", account)
        assert product.account(account)["status"] == "connected"
    finally:
        stop.set()
        talking.join()
    rest(product, account)
    store = folder(product, account) / "store.db"
    for end in ("-wal", "-shm"):
        store.with_name(store.name + end).unlink(missing_ok=True)
    store.write_bytes(b"this is not a database" * 500)
    seen = len(product.timeline(account))

    done = stores(product, "restore", account, "--snapshot", kept["id"])
    product.call("POST", f"/accounts/{account}/connect")
    back = product.until(account, "connected")

    assert done["device_jid"] == kept["device_jid"]
    assert back["phone_number"] == number
    assert "qr_scanning" not in codes_after(product, account, seen)
    say(product, sender, number, "after")
    eventually(lambda: "after" in texts(product, account), within=20)
    assert {f["problem"] for f in stores(product, "verify", account)} == {""}


def test_restore_disconnects_a_connected_number_only_when_forced(product, number):
    account = product.new_account()
    product.link(account, product.phone(number))
    stores(product, "snapshot", account)

    assert "disconnect it first" in stores(product, "restore", account, code=2)
    assert product.account(account)["status"] == "connected"
    done = stores(product, "restore", account, "--force")
    product.call("POST", f"/accounts/{account}/connect")

    assert done["disconnected"] and done["saved_as"]
    assert product.until(account, "connected")["phone_number"] == number


def test_a_lost_folder_comes_back_from_its_snapshot(product, number):
    account = product.new_account()
    product.link(account, product.phone(number))
    stores(product, "snapshot", account)
    rest(product, account)
    remove_folder(folder(product, account))

    stores(product, "restore", account)
    product.call("POST", f"/accounts/{account}/connect")

    assert product.until(account, "connected")["phone_number"] == number


def test_a_store_of_another_program_is_imported_and_connects_without_a_code(
    product, number, tmp_path
):
    first = product.new_account("First")
    product.link(first, product.phone(number))
    rest(product, first)
    file = Path(shutil.copy(folder(product, first) / "store.db", tmp_path / "whatsapp.db"))
    wal = folder(product, first) / "store.db-wal"
    if wal.exists():
        shutil.copy(wal, tmp_path / "whatsapp.db-wal")
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    name = f"Second {number}"
    manage(product, "create_workspace", name, "--owner", "second@example.test")
    theirs = Tenant(product, manage(product, "create_api_key", "--workspace", name)["key"])
    [own] = {row["workspace"] for row in stores(product, "list")}

    said = stores(product, "import", file, "--workspace", own, "--label", "Twice", code=2)
    made = stores(product, "import", file, "--workspace", name, "--label", "Moved in")
    theirs.call("POST", f"/accounts/{made['account_id']}/connect")
    moved = theirs.until(made["account_id"], "connected")
    say(product, product.phone(f"{number}9"), number, "hello in the new home")
    eventually(lambda: "hello in the new home" in texts(theirs, made["account_id"]), within=20)
    timeline = theirs.timeline(made["account_id"])
    theirs.api.close()

    assert "'First'" in said
    assert (made["phone_number"], moved["phone_number"]) == (number, number)
    assert moved["label"] == "Moved in"
    assert "qr_scanning" not in [t["to"] for t in timeline]
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_number_is_saved_by_itself_after_its_pairing(saving, number):
    account = saving.new_account()
    saving.link(account, saving.phone(number))

    def saved():
        return stores(saving, "list", account)

    [first] = eventually(saved, within=25, what="a scheduled snapshot")[-1:]

    assert (first["reason"], first["device_jid"][: len(number) - 1]) == ("scheduled", number[1:])
    assert saving.account(account)["status"] == "connected"
