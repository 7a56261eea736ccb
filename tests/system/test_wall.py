"""The whole product behind the second wall: real processes, PostgreSQL, an ordinary role."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

from tests.product import ROOT, Product, eventually
from tests.receiver import Receiver
from tests.with_postgres import server


@pytest.fixture(scope="module")
def walled(tmp_path_factory):
    with server() as url:
        running = Product(tmp_path_factory.mktemp("walled"), DATABASE_URL=url)
        try:
            yield running.start()
        finally:
            running.stop()


def manage(product, *words):
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=product.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_everybody_works_behind_the_wall_and_a_workspace_ends_without_a_trace(walled, number):
    findings = {f["name"]: f for f in manage(walled, "doctor", "--json")}
    assert findings["tenant wall"]["level"] == "ok", findings["tenant wall"]

    # Web, node, worker, pipeline, webhooks: a number of the first workspace.
    first = walled.new_account("first")
    walled.link(first, walled.phone(number))
    with Receiver() as hooks:
        walled.call("POST", "/webhooks", json={"url": hooks.url, "types": ["message"]})
        other_phone = walled.phone(f"{number}9")
        body = {"to": number, "type": "text", "text": "behind the wall"}
        walled.call("POST", f"/sandbox/phones/{other_phone}/messages", json=body)
        hooks.wait(1, within=20)

    # A second workspace sees nothing of it, and works as well.
    manage(walled, "create_workspace", "Second", "--owner", "second@example.test")
    key = manage(
        walled, "create_api_key", "--workspace", "Second", "--scopes", "read,send,manage,admin"
    )["key"]
    second = httpx.Client(
        base_url=f"{walled.url}/api/v1", headers={"X-Api-Key": key}, timeout=20, trust_env=False
    )
    assert second.get("/accounts").json()["results"] == []
    assert second.get(f"/accounts/{first}").status_code == 404
    mine = second.post("/accounts", json={"label": "second"}).json()["id"]
    assert second.get("/events?after=0").json()["results"] == []
    assert second.post(f"/accounts/{mine}/connect").status_code == 202
    assert second.get(f"/accounts/{mine}/qr?wait=20").status_code == 200
    assert walled.call("GET", f"/accounts/{first}")["status"] == "connected"

    # Suspended: refused, disconnected. Then deleted: the running pipeline and node purge it.
    manage(walled, "workspaces", "suspend", "Second", "--reason", "test")
    assert second.get("/accounts").json()["code"] == "workspace_suspended"
    manage(walled, "workspaces", "resume", "Second")
    eventually(lambda: second.get(f"/accounts/{mine}/qr?wait=5").status_code == 200, within=20)
    manage(walled, "workspaces", "delete", "Second", "--yes")
    assert second.get("/accounts").status_code == 401

    def purged():
        (purge,) = manage(walled, "workspaces", "purges")
        return purge if purge["finished_at"] else None

    removed = eventually(purged, within=60, what="the purge is done")["removed"]
    assert removed["numbers"] >= 1
    assert [w["name"] for w in manage(walled, "workspaces", "list")] == ["Demo"]
    assert not [p for p in walled.folder.glob("var/sessions/*/*") if mine in str(p)]
    assert walled.account(first)["status"] == "connected"
    second.close()
