"""A number connects and disconnects for real: real engine, sandbox network, real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.product import ROOT, eventually, remove_folder


def worker_pid(product, account):
    return product.health(account)["worker_pid"]


def folder(product, account) -> Path:
    return next(Path(product.environment["DATA_DIR"]).glob(f"sessions/*/{account}"))


def gone(pid):
    return eventually(lambda: not psutil.pid_exists(pid), within=15, what=f"{pid} has ended")


def test_a_number_connects_by_qr_and_disconnects_as_often_as_one_likes(product, number):
    account = product.new_account("Sales")
    product.phone(number)

    connected = product.link(account, number)
    first = product.call("POST", f"/accounts/{account}/disconnect")
    second = product.call("POST", f"/accounts/{account}/disconnect")

    assert connected["phone_number"] == number
    assert connected["jid"] == f"{number[1:]}@s.whatsapp.net"
    assert (first["status"], first["phone_number"], first["already_disconnected"]) == (
        "disconnected",
        None,
        False,
    )
    assert (second["status"], second["already_disconnected"]) == ("disconnected", True)


def test_a_number_connects_by_an_eight_character_code(product, number):
    account = product.new_account()
    product.phone(number)
    product.connect(account)

    made = product.call("POST", f"/accounts/{account}/pairing-code", json={"phone_number": number})
    product.call("POST", f"/sandbox/phones/{number}/pair", json={"code": made["code"]})

    assert len(made["code"]) == 9 and made["code"][4] == "-"
    assert product.until(account, "connected")["phone_number"] == number


def test_connect_after_disconnect_needs_no_new_code(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)
    product.call("POST", f"/accounts/{account}/disconnect")

    product.call("POST", f"/accounts/{account}/connect")

    assert product.until(account, "connected")["phone_number"] == number
    assert product.timeline(account)[1]["to"] != "qr_scanning"


def test_a_message_of_a_phone_becomes_an_event(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)
    sender = f"{number}9"
    product.phone(sender, name="Ann")

    product.call(
        "POST",
        f"/sandbox/phones/{sender}/messages",
        json={"to": number, "type": "text", "text": "hello"},
    )

    def arrived():
        found = product.call("GET", f"/events?types=message&account={account}&wait=10")["results"]
        return found and found[-1]["data"]

    message = eventually(arrived)
    assert (message["text"], message["direction"]) == ("hello", "in")
    assert (message["sender"]["phone_number"], message["sender"]["push_name"]) == (sender, "Ann")


def test_connect_twice_starts_one_worker(product, number):
    account = product.new_account()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: product.call("POST", f"/accounts/{account}/connect"), range(4)))
    product.call("GET", f"/accounts/{account}/qr?wait=20")

    assert product.health(account)["epoch"] == 2  # one connect, one assignment
    assert [t["to"] for t in product.timeline(account)] == ["qr_scanning", "starting"]


def test_a_body_in_chunks_is_read_like_any_other(product):
    """As clients send it that stream their bodies: without a length."""
    parts = iter([b'{"label": ', b'"in chunks"}'])
    answer = product.api.post(
        "/accounts", content=parts, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json().get("label")) == (201, "in chunks")


def test_disconnect_without_a_worker(product):
    account = product.new_account()

    assert product.call("POST", f"/accounts/{account}/disconnect")["already_disconnected"]


def test_disconnect_with_a_deleted_store_folder(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)
    pid = worker_pid(product, account)
    remove_folder(folder(product, account))

    answer = product.call("POST", f"/accounts/{account}/disconnect")

    assert answer["status"] == "disconnected"
    gone(pid)


def test_disconnect_while_the_number_is_starting(product):
    account = product.new_account()
    product.call("POST", f"/accounts/{account}/connect")

    answer = product.call("POST", f"/accounts/{account}/disconnect")

    assert answer["status"] == "disconnected"
    eventually(lambda: not product.health(account)["process_alive"])
    assert product.account(account)["status"] == "disconnected"


def test_disconnect_twice_at_once(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)

    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda _: product.call("POST", f"/accounts/{account}/disconnect"), range(2))
        )

    assert {a["status"] for a in answers} == {"disconnected"}
    assert sorted(a["already_disconnected"] for a in answers) == [False, True]


def test_disconnect_while_the_worker_hangs(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)
    pid = worker_pid(product, account)
    psutil.Process(pid).suspend()

    answer = product.call("POST", f"/accounts/{account}/disconnect")

    assert answer["status"] == "disconnected"
    gone(pid)


def test_seed_000_a_panic_in_one_worker_touches_no_other_number(product, number):
    """Seed 000: a Go panic while fetching one picture killed the service of every number."""
    accounts = [product.new_account(f"n{i}") for i in range(3)]
    for i, account in enumerate(accounts):
        product.link(account, product.phone(f"{number}{i}"))
    victim, *others = accounts
    pids = [worker_pid(product, account) for account in others]

    product.call("POST", "/sandbox/faults", json={"account_id": victim, "kind": "panic_worker"})
    eventually(
        lambda: (
            product.timeline(victim)[0]["to"] == "reconnecting"
            or product.timeline(victim)[1]["to"] == "reconnecting"
        )
    )
    product.until(victim, "connected")

    assert [worker_pid(product, account) for account in others] == pids
    assert all(product.timeline(account)[0]["to"] == "connected" for account in others)
    assert all(len(product.timeline(account)) == 4 for account in others)
    assert product.health(victim)["restarts"] == 1


def test_kill_9_of_a_worker_brings_the_number_back_without_a_code(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)
    pid = worker_pid(product, account)

    psutil.Process(pid).kill()
    eventually(lambda: worker_pid(product, account) not in (None, pid))
    product.until(account, "connected")

    assert "qr_scanning" not in [t["to"] for t in product.timeline(account)][:3]
    assert product.account(account)["phone_number"] == number


def test_a_code_that_nobody_scans_rotates_and_ends_in_qr_timeout_and_connect_works_again(product):
    account = product.new_account()
    first = product.connect(account)

    def rotated():
        answer = product.api.get(f"/accounts/{account}/qr")
        return answer.is_success and answer.json()["attempt"] == 2 and answer.json()

    second = eventually(rotated, within=30)
    failed = product.until(account, "failed", within=40)
    again = product.connect(account)

    assert first["code"] != second["code"] != again["code"]
    assert failed["reason"]["code"] == "qr_timeout"
    assert again["attempt"] == 1


def test_a_corrupt_store_is_set_aside_and_the_number_can_be_linked_anew(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)
    product.call("POST", f"/accounts/{account}/disconnect")
    eventually(lambda: not product.health(account)["process_alive"])
    store = folder(product, account) / "store.db"
    for suffix in ("-wal", "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)
    store.write_bytes(b"this is not a database" * 500)

    product.call("POST", f"/accounts/{account}/connect")
    failed = product.until(account, "failed")
    again = product.link(account, number)

    assert failed["reason"]["code"] == "store_corrupt"
    assert again["phone_number"] == number
    kept = list(Path(product.environment["DATA_DIR"]).glob(f"sessions/.quarantine/*{account}*"))
    assert kept


def test_a_second_account_that_scans_the_same_phone_is_refused_by_name(product, number):
    first = product.new_account("First desk")
    second = product.new_account("Second desk")
    product.phone(number)
    product.link(first, number)

    product.connect(second)
    product.call("POST", f"/sandbox/phones/{number}/scan", json={"account_id": second})
    refused = product.until(second, "failed")

    assert refused["reason"]["code"] == "phone_in_use"
    assert "First desk" in refused["reason"]["message"]
    assert product.account(first)["status"] == "connected"

    def devices():
        phones = product.call("GET", "/sandbox/phones")["results"]
        return next(p["devices"] for p in phones if p["phone_number"] == number)

    eventually(lambda: len(devices()) == 1, within=25, what="the new link is removed again")


def test_seed_004_a_code_appears_at_every_connect_and_not_only_at_the_first(product):
    """Seed 004: the QR code loaded for ever, and again after each stop and start."""
    account = product.new_account()
    codes = set()
    for _ in range(3):
        codes.add(product.connect(account)["code"])
        product.call("POST", f"/accounts/{account}/disconnect")

    assert len(codes) == 3
    assert {row["to"] for row in product.timeline(account)} <= {
        "starting",
        "qr_scanning",
        "disconnected",
    }


def test_seed_004_disconnected_numbers_never_collide(product, number):
    """Seed 004: two disconnected rows with one phone number broke a unique constraint."""
    product.phone(number)
    accounts = [product.new_account(f"desk {i}") for i in range(2)]
    for account in accounts:
        product.link(account, number)
        answer = product.call("POST", f"/accounts/{account}/disconnect")
        assert (answer["status"], answer["phone_number"]) == ("disconnected", None)


def test_a_link_that_the_phone_removes_is_logged_out_and_can_be_made_again(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)

    product.call("POST", f"/sandbox/phones/{number}/unlink", json={"account_id": account})
    out = product.until(account, "logged_out")
    again = product.link(account, number)

    assert out["reason"]["code"] == "unlinked_by_phone"
    assert out["phone_number"] is None
    assert again["status"] == "connected"


def test_logout_removes_the_device_at_the_phone_and_the_next_connect_shows_a_code(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)

    product.call("POST", f"/accounts/{account}/logout")

    def devices():
        phones = product.call("GET", "/sandbox/phones")["results"]
        return next(p["devices"] for p in phones if p["phone_number"] == number)

    eventually(lambda: devices() == [], within=25)
    assert product.connect(account)["attempt"] == 1


def test_delete_removes_the_folder_and_the_device(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)
    where = folder(product, account)

    product.call("DELETE", f"/accounts/{account}")

    assert product.api.get(f"/accounts/{account}").status_code == 404
    eventually(lambda: not where.exists(), within=25)


def test_a_passkey_demand_ends_in_failed_with_a_sentence_that_says_what_to_do(product, number):
    account = product.new_account()
    product.phone(number, requires_passkey=True)
    product.connect(account)

    product.api.post(f"/sandbox/phones/{number}/scan", json={"account_id": account})
    failed = product.until(account, "failed", within=30)

    assert failed["reason"]["code"] == "passkey_required"
    assert "passkey" in failed["reason"]["message"]


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ({"kind": "stream_error", "conflict": "replaced"}, "failed", "replaced"),
        ({"kind": "failure", "code": 405}, "failed", "client_outdated"),
        ({"kind": "failure", "code": 402, "ban_code": 101, "expire": 3600}, "failed", "banned"),
    ],
    ids=["replaced", "outdated", "banned"],
)
def test_what_whatsapp_ends_for_good_is_failed_with_its_reason(
    product, number, fault, status, reason
):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)

    product.call("POST", "/sandbox/faults", json={"account_id": account, **fault})
    ended = product.until(account, status)

    assert ended["reason"]["code"] == reason
    assert ended["reason"]["message"].endswith(".")


def test_a_dropped_line_comes_back_by_itself(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)
    pid = worker_pid(product, account)

    product.call("POST", "/sandbox/faults", json={"account_id": account, "kind": "drop"})
    eventually(lambda: "reconnecting" in [t["to"] for t in product.timeline(account)])
    product.until(account, "connected")

    assert worker_pid(product, account) == pid


def test_kill_9_of_nats_is_survived_and_work_goes_on(product, number):
    account = product.new_account()
    product.phone(number)
    product.link(account, number)

    product.child("nats-server").send_signal(signal.SIGKILL)
    fresh = product.new_account()
    product.phone(f"{number}5")

    assert product.link(fresh, f"{number}5")["phone_number"] == f"{number}5"
    assert product.account(account)["status"] == "connected"


def test_the_doctor_finds_nothing_wrong_with_a_running_product(product):
    ended = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT,
        env=product.environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    findings = {f["name"]: f for f in json.loads(ended.stdout)}
    problems = [f for f in findings.values() if f["level"] == "problem"]
    assert (ended.returncode, problems) == (0, [])
    assert findings["node"]["level"] == findings["pipeline"]["level"] == "ok"
    assert findings["engine"]["detail"] == "neonize loads"


def test_the_doctor_names_what_does_not_run_and_what_to_do(tmp_path):
    ended = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    problems = {f["name"]: f for f in json.loads(ended.stdout) if f["level"] == "problem"}
    assert ended.returncode == 1
    assert {"database", "bus", "node"} <= problems.keys()
    assert all(f["fix"] for f in problems.values())


def test_the_metrics_of_a_running_product_tell_nodes_bus_and_stores(product, number):
    account = product.new_account()
    product.link(account, product.phone(number))

    def figures():
        text = httpx.get(f"{product.url}/metrics", timeout=10, trust_env=False).text
        return text if "switchboard_node_workers{" in text else None

    text = eventually(figures)
    assert "switchboard_bus_up 1.0" in text
    assert "switchboard_ingest_waiting" in text
    assert 'switchboard_store_bytes{kind="stores"}' in text
    assert "switchboard_session_start_seconds_bucket{" in text
