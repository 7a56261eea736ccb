"""A whole node under attack: its workers, zygote and supervisor are stopped and killed."""

import json
import os
import signal
import subprocess
import sys
from uuid import UUID

import psutil
import pytest

from sessions_mgr import stores
from sessions_mgr.supervision.zygote_client import MODULE, PROJECT
from tests.product import kill, still_runs
from tests.system.worker_lab import DEADLINE, WORKSPACE, Listener, Nats, SandboxProcess, until


def command_of(process):
    """The command line; empty for one that has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class MiniNode:
    """A node in a process of its own, with everything around it."""

    def __init__(self, folder):
        self.folder = folder
        self.nats = Nats(folder / "nats")
        self.listener = Listener(self.nats.url)
        (folder / "sandbox").mkdir()
        self.sandbox = SandboxProcess(folder / "sandbox")
        network = self.sandbox.network
        settings = {
            "nats_url": self.nats.url,
            "network": {name: getattr(network, name) for name in network.__dataclass_fields__},
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        self.want({})
        self.process = None
        self.worker_pids = set()
        self.start()

    def start(self):
        with (self.folder / "node.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.mini_node", self.folder],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def want(self, wanted):
        fresh = self.folder / "wanted.new"
        fresh.write_text(json.dumps({str(account): row for account, row in wanted.items()}))
        fresh.replace(self.folder / "wanted.json")

    def journal(self, what, account=None):
        file = self.folder / "journal.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        entries = [json.loads(line) for line in lines]
        return [e for e in entries if e["what"] == what and account in (None, UUID(e["account"]))]

    def pid(self, account) -> int:
        """The worker that answers for the account now."""
        reply = self.nats.request(account, "health")
        self.worker_pids.add(reply["result"]["pid"])
        return reply["result"]["pid"]

    def zygote(self) -> psutil.Process:
        """The node's child that is not an adopted worker."""
        return until(
            lambda: next(
                (
                    child
                    for child in psutil.Process(self.process.pid).children()
                    if MODULE in command_of(child) and child.pid not in self.worker_pids
                ),
                None,
            ),
            "a zygote",
        )

    def family(self):
        """Zygote and workers of this node: the proxy in their environment is ours alone."""
        found = []
        for process in psutil.process_iter():
            try:
                if MODULE in process.cmdline() and (
                    process.environ().get("HTTPS_PROXY") == self.sandbox.network.proxy_url
                ):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return [process for process in found if still_runs(process)]

    def connected(self, account, epoch):
        self.listener.wait(account, "connected", epoch)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        kill(self.family())
        self.listener.close()
        self.sandbox.close()
        self.nats.stop()


@pytest.fixture
def node(tmp_path):
    node = MiniNode(tmp_path)
    yield node
    node.close()


def alive(pid):
    """A zombie is dead: pytest may have become its parent and does not wait for it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


A, B = UUID(int=0xA), UUID(int=0xB)
PHONES = {A: "+15550001", B: "+15550002"}


@pytest.fixture
def pair(node):
    """Two connected accounts, and the pids of their workers."""
    node.want({A: {}, B: {}})
    for account, number in PHONES.items():
        node.sandbox.client.create_phone(number, number)
        code = node.listener.wait(account, "qr_issued")["data"]["code"]
        node.sandbox.client.scan(number, code)
        node.connected(account, 2)
    return node.pid(A), node.pid(B)


def test_a_killed_worker_is_back_without_a_code_and_the_others_notice_nothing(node, pair):
    os.kill(pair[0], signal.SIGKILL)
    node.connected(A, 3)
    assert node.journal("ended", A)[0]["exit"] == "SIGKILL"
    assert not node.listener.of(A, "qr_issued", 3)
    assert node.pid(B) == pair[1]
    assert [f["kind"] for f in node.listener.of(B)].count("connected") == 1


def test_a_hung_worker_is_killed_and_replaced(node, pair):
    os.kill(pair[0], signal.SIGSTOP)
    node.connected(A, 3)
    assert node.journal("ended", A)[0]["exit"] == "hung"


def test_when_the_supervisor_is_killed_no_process_stays_and_the_next_one_restores_all(node, pair):
    node.process.kill()
    node.process.wait()
    until(lambda: not node.family(), lambda: f"left: {node.family()}", 8)

    node.start()
    for account in (A, B):
        node.connected(account, 3)
        assert not node.listener.of(account, "qr_issued", 3)


def test_when_the_zygote_is_killed_its_workers_live_on_and_new_ones_can_start(node, pair):
    node.zygote().kill()
    until(lambda: node.zygote(), "a new zygote")
    assert (node.pid(A), node.pid(B)) == pair

    os.kill(pair[0], signal.SIGKILL)
    node.connected(A, 3)
    assert node.journal("ended", A)[0]["exit"] == "SIGKILL"
    assert node.pid(B) == pair[1]


def test_a_worker_that_outlived_its_zygote_still_obeys(node, pair):
    node.zygote().kill()
    until(lambda: node.zygote(), "a new zygote")
    node.want({B: {}})
    ended = until(lambda: node.journal("ended", A), "the end of A")
    assert ended[0]["exit"] == "stopped"
    assert not alive(pair[0])


def test_sigterm_drains_all_workers_in_time_and_what_was_wanted_stays_wanted(node, pair):
    node.process.send_signal(signal.SIGTERM)
    assert node.process.wait(DEADLINE) == 0
    assert not node.family()
    assert {e["exit"] for e in node.journal("ended")} == {"stopped"}

    node.start()
    for account in (A, B):
        node.connected(account, 3)


def test_a_number_that_is_unlinked_is_unlinked_at_whatsapp(node, pair):
    node.want({A: {"mode": "unlink"}, B: {}})
    until(lambda: node.journal("unlinked", A), "the unlink")
    node.want({B: {}})
    folder = stores.Stores(node.folder / "sessions").folder(WORKSPACE, A)
    assert not stores.has_credentials(folder)


def test_a_stopped_worker_that_outlived_its_node_does_not_hold_its_number_for_ever(node, pair):
    os.kill(pair[0], signal.SIGSTOP)
    node.process.kill()
    node.process.wait()
    node.start()
    node.connected(A, 4)
    assert node.journal("ended", A)[0]["exit"] == "store_locked"
    assert not alive(pair[0])
