"""Lines that are open and dead, and lines that stay down."""

from pathlib import Path

import pytest

from sandbox.client import SandboxNetwork
from sessions_mgr.worker.exits import Exit
from tests.product import eventually
from tests.system.worker_lab import Lab


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path)
    yield lab
    lab.close()


def test_a_line_that_is_open_and_silent_is_reconnecting_until_whatsapp_answers(product, number):
    """whatsmeow asks for a sign of life every 20 to 30 seconds and waits 10 for it."""
    account = product.new_account()
    product.phone(number)
    product.link(account, number)

    product.call("POST", "/sandbox/faults", json={"account_id": account, "kind": "mute"})
    silent = product.until(account, "reconnecting", within=45)
    assert silent["reason"]["code"] == "silent"
    health = product.health(account)
    assert health["process_alive"] and not health["socket_alive"]

    with SandboxNetwork.from_directory(Path(product.environment["DATA_DIR"]) / "sandbox") as phones:
        phones.clear_faults()
    product.until(account, "connected", within=45)
    eventually(lambda: product.health(account)["socket_alive"])


def test_a_line_that_stays_down_ends_the_life_so_that_the_pauses_are_the_supervisor_s(lab):
    account, phone = lab.paired()
    lab.stop(account)
    lab.spawn(account, epoch=2, line_timeout=3.0)
    lab.listener.wait(account, "connected", epoch=2)

    lab.phones.fault("refuse_connections")
    lab.phones.fault("drop", phone_number=phone)
    lab.listener.wait(account, "connection_lost", epoch=2)
    end = lab.end(account)
    assert (end.status, end.detail) == (Exit.LINE_UNREACHABLE, "the line was down for 3 s")

    lab.phones.clear_faults()
    lab.spawn(account, epoch=3)
    lab.listener.wait(account, "connected", epoch=3)
