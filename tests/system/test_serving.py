"""`make run`: starts, tells its secrets once, restores, and leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from tests.product import API_KEY, PASSWORD, ROOT, Product, eventually, still_runs


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_stops_everything_cleanly_and_a_restart_brings_the_number_back(
    own_product, number, signum
):
    own_product.start()
    account = own_product.new_account()
    own_product.link(account, own_product.phone(number))
    assert PASSWORD in own_product.log.read_text()

    code = own_product.stop(signum=signum)

    assert (code, own_product.left_over) == (0, [])
    own_product.log.write_text("")
    again = type(own_product)(own_product.folder, port=own_product.port)
    try:
        again.start()
        assert again.until(account, "connected")["phone_number"] == number
        assert "qr_scanning" not in [t["to"] for t in again.timeline(account)][:2]
        said = again.log.read_text()
        assert PASSWORD not in said and API_KEY not in said
    finally:
        again.stop()


@pytest.mark.parametrize(
    "names", [{}, {"ALLOWED_HOSTS": "wa.example.test"}], ids=["by default", "named"]
)
def test_behind_a_public_name_it_starts_and_answers_to_that_name(tmp_path, names):
    key = "a-key-for-a-test-of-a-public-name-0123456789-abcdefghijklmnop"
    product = Product(tmp_path, PUBLIC_URL="https://wa.example.test", SECRET_KEY=key, **names)
    try:
        product.start()
        address, https = f"{product.url}/sign-in", {"X-Forwarded-Proto": "https"}
        asked = {
            host: httpx.get(address, headers={"Host": host, **https}, trust_env=False).status_code
            for host in ("wa.example.test", "elsewhere.example.test")
        }
    finally:
        product.stop()
    assert asked == {"wa.example.test": 200, "elsewhere.example.test": 400}


def test_kill_9_of_the_launcher_leaves_no_process(own_product, number):
    own_product.start()
    account = own_product.new_account()
    own_product.link(account, own_product.phone(number))
    everybody = own_product.processes()
    assert len(everybody) >= 8

    os.kill(own_product.process.pid, signal.SIGKILL)

    own_product.process.wait(5)
    eventually(lambda: not any(map(still_runs, everybody)), what="all are gone")


def test_kill_9_of_node_pipeline_or_web_is_healed(own_product, number):
    own_product.start()
    account = own_product.new_account()
    own_product.link(account, own_product.phone(number))

    for command in ("run_pipeline", "run_web", "run_node"):
        before = own_product.child(command)
        before.kill()

        def replaced(before=before, command=command):
            now = own_product.child(command)
            return now is not None and now.pid != before.pid

        eventually(replaced)
        eventually(own_product._is_ready, within=30, what=f"ready again after {command}")

    own_product.until(account, "connected", within=30)
    fresh = own_product.new_account()
    assert own_product.connect(fresh)["attempt"] == 1


def serve(**environment):
    return subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_busy_port_ends_with_one_clear_line_and_exit_code_2(tmp_path):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        ended = serve(PORT=str(port), DATA_DIR=str(tmp_path / "var"))

    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert f"PORT {port}" in ended.stderr


def test_the_commands_print_what_they_made_as_json(own_product):
    def manage(*arguments):
        ended = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=own_product.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    own_product.start()
    code, out, _ = manage("create_workspace", "Acme", "--owner", "ann@example.test")
    made = json.loads(out)
    key = json.loads(manage("create_api_key", "--workspace", "Acme", "--scopes", "read")[1])
    twice = manage("create_workspace", "Acme", "--owner", "ann@example.test")
    wrong = manage("create_api_key", "--workspace", "Acme", "--scopes", "fly")

    assert (code, made["name"], made["owner"]) == (0, "Acme", "ann@example.test")
    own_product.api.headers["Authorization"] = f"Bearer {key['key']}"
    assert own_product.call("GET", "/workspace")["id"] == made["id"]
    assert (twice[0], wrong[0]) == (2, 2)
    assert "Acme" in twice[2] and "fly" in wrong[2]
