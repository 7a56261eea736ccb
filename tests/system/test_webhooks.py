"""Webhooks end to end: real processes, a real message, a real receiver, and processes that die."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from standardwebhooks import Webhook

from tests.product import API_KEY, ROOT, Product, eventually
from tests.receiver import Receiver, status


@pytest.fixture
def sender(number):
    return f"{number}9"


def linked(product: Product, number: str, sender: str) -> str:
    account = product.new_account()
    product.link(account, product.phone(number))
    product.phone(sender, name="Ann")
    return account


def write(product: Product, sender: str, number: str, text: str, **more):
    product.call(
        "POST",
        f"/sandbox/phones/{sender}/messages",
        json={"to": number, "type": "text", "text": text, **more},
    )


def in_the_log(product: Product, account: str) -> list[dict]:
    found, after = [], 0
    while True:
        page = product.call(
            "GET", f"/events?types=message&account={account}&after={after}&limit=500"
        )
        found += page["results"]
        if not page["results"]:
            return found
        after = page["next_after"]


def test_a_message_of_a_phone_becomes_a_signed_webhook(product, number, sender):
    with Receiver() as server:
        account = linked(product, number, sender)
        hook = product.call(
            "POST",
            "/webhooks",
            json={"url": server.url, "types": ["message"], "accounts": [account]},
        )
        write(product, sender, number, "hello")
        [request] = server.wait(1)
        product.call("DELETE", f"/webhooks/{hook['id']}")

    event = Webhook(hook["secret"]).verify(request.body, request.headers)
    assert (event["type"], event["account_id"]) == ("message", account)
    assert event["data"]["text"] == "hello"
    assert event == in_the_log(product, account)[0]


def test_codes_go_only_to_who_names_them(product, number):
    with Receiver() as all_types, Receiver() as named:
        hooks = [
            product.call("POST", "/webhooks", json={"url": all_types.url}),
            product.call("POST", "/webhooks", json={"url": named.url, "types": ["session.qr"]}),
        ]
        account = product.new_account()
        code = product.connect(account)["code"]
        named.wait(1)
        all_types.wait(1)
        product.call("POST", f"/accounts/{account}/disconnect")
        for hook in hooks:
            product.call("DELETE", f"/webhooks/{hook['id']}")

    assert code in [e["data"]["code"] for e in named.events if e["account_id"] == account]
    assert "session.qr" not in {e["type"] for e in all_types.events}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
def test_a_pipeline_that_dies_again_and_again_loses_and_invents_nothing(
    own_product, number, sender, how
):
    own_product.start()
    account = linked(own_product, number, sender)
    count = 240
    with Receiver() as server:
        hook = own_product.call("POST", "/webhooks", json={"url": server.url, "types": ["message"]})
        write(own_product, sender, number, "message {n}", count=count, rate=40)
        for share in (0.2, 0.5):
            server.wait(int(count * share), within=60)
            pipeline = own_product.child("run_pipeline")
            pipeline.send_signal(how)
            eventually(
                lambda pid=pipeline.pid: (
                    (now := own_product.child("run_pipeline")) is not None and now.pid != pid
                ),
                what="the pipeline runs again",
            )
        eventually(lambda: len(set(server.ids)) >= count, within=60, what="all arrived")
        log = in_the_log(own_product, account)

    judge = Webhook(hook["secret"])
    events = [judge.verify(r.body, r.headers) for r in server.received]
    assert {e["id"] for e in events} == {e["id"] for e in log}
    assert len(log) == count
    # What came twice came with the same id, and each first time was in the log's order.
    firsts = list({e["id"]: e["seq"] for e in events}.values())
    assert firsts == sorted(firsts)
    assert len({e["data"]["wa_id"] for e in events}) == count


def test_a_receiver_that_comes_back_gets_what_it_missed(product, number, sender):
    with Receiver() as first:
        port = first.port
    account = linked(product, number, sender)
    hook = product.call(
        "POST",
        "/webhooks",
        json={"url": f"http://127.0.0.1:{port}/hook", "accounts": [account], "types": ["message"]},
    )
    at = f"/webhooks/{hook['id']}"
    for n in range(3):
        write(product, sender, number, f"missed {n}")

    def tried():
        rows = product.call("GET", f"{at}/deliveries")["results"]
        return len(rows) == 3 and any(row["attempts"] for row in rows)

    eventually(tried)
    with Receiver(port=port) as server:
        server.wait(3, within=20)
    product.call("DELETE", at)

    assert [e["data"]["text"] for e in server.events] == [f"missed {n}" for n in range(3)]


def test_dead_letters_are_told_and_replayed(product, number, sender):
    with Receiver(status(500)) as server:
        account = linked(product, number, sender)
        hook = product.call(
            "POST",
            "/webhooks",
            json={"url": server.url, "accounts": [account], "types": ["message"]},
        )
        at = f"/webhooks/{hook['id']}"
        write(product, sender, number, "again")
        server.wait(1)
        [row] = eventually(
            lambda: [r for r in product.call("GET", f"{at}/deliveries")["results"] if r["attempts"]]
        )
        assert row["attempts"][0]["status_code"] == 500
        server.answer = status(200)
        sooner = product.call("POST", f"/deliveries/{row['id']}/retry")
        assert sooner["next_attempt_at"] < row["next_attempt_at"]
        server.wait(2)
        assert product.call("POST", f"{at}/replay", json={"preview": True})["count"] == 1
        replay = product.call("POST", f"{at}/replay", json={})
        eventually(
            lambda: product.call("GET", f"{at}/replays/{replay['id']}")["done"],
            what="the replay is done",
        )
        product.call("DELETE", at)

    assert len(set(server.ids)) == 1 and len(server.ids) == 3


def test_listen_prints_the_feed_and_forwards_it_signed(product, number, tmp_path):
    secret = "whsec_" + "QUJD" * 12
    said = tmp_path / "said"
    with Receiver() as server, said.open("wb") as out:
        listening = subprocess.Popen(
            f"{sys.executable} manage.py listen --url {product.url} --types session.status "
            f"--count 2 --forward-to {server.url} --secret {secret}".split(),
            cwd=ROOT,
            env=product.environment | {"SWITCHBOARD_API_KEY": API_KEY},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(lambda: b"listening" in said.read_bytes(), what="it listens")
            account = product.new_account()
            product.connect(account)
            assert listening.wait(20) == 0
        finally:
            listening.kill()
            listening.wait()
        product.call("POST", f"/accounts/{account}/disconnect")

    for request in server.received:
        Webhook(secret).verify(request.body, request.headers)
    assert [e["data"]["status"] for e in server.events] == ["starting", "qr_scanning"]
    assert said.read_text().count("-> 200 in") == 2


def test_listen_says_what_is_wrong_in_one_line(product):
    def listen(*arguments, **environment):
        ended = subprocess.run(
            [sys.executable, "manage.py", "listen", "--url", product.url, *arguments],
            cwd=ROOT,
            env=product.environment | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert ended.returncode != 0
        assert len(ended.stderr.strip().splitlines()) <= 2
        return ended.stderr

    assert "SWITCHBOARD_API_KEY" in listen()
    assert "key is wrong" in listen("--key", "nonsense")
    assert "no type 'x'" in listen("--key", API_KEY, "--types", "x")
    assert "whsec_" in listen("--key", API_KEY, "--secret", "garbage")


def test_two_pipelines_share_the_work_and_one_of_them_may_die(own_product, number, sender):
    own_product.start()
    account = linked(own_product, number, sender)
    count = 160
    second = subprocess.Popen(
        [sys.executable, "manage.py", "run_pipeline"],
        cwd=ROOT,
        env=own_product.environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with Receiver() as server:
            hook = own_product.call(
                "POST", "/webhooks", json={"url": server.url, "types": ["message"]}
            )
            write(own_product, sender, number, "message {n}", count=count, rate=40)
            server.wait(int(count * 0.4), within=60)
            own_product.child("run_pipeline").kill()
            eventually(lambda: len(set(server.ids)) >= count, within=120, what="all arrived")
            log = in_the_log(own_product, account)
        assert second.poll() is None
    finally:
        second.kill()
        second.wait()

    judge = Webhook(hook["secret"])
    events = [judge.verify(r.body, r.headers) for r in server.received]
    assert {e["id"] for e in events} == {e["id"] for e in log}
    assert len(log) == count
    first_arrivals = list(dict.fromkeys(e["seq"] for e in events))
    assert first_arrivals == sorted(first_arrivals)
