"""Kill everything at random under traffic, then count what is missing, doubled, unsaid.

50 workers, 5 nodes, 5 pipelines and 2 nats-servers are killed with -9 and PostgreSQL is restarted
twice, while 10 numbers get 50 messages a second and an app sends 10 a second. Afterwards every
number must be connected, no number may ever have had two workers, every restart must be explained
in its timeline, every message that WhatsApp was told we have must be in the log or be named there
as lost, and every message that the API accepted must have reached its phone once, or say why not.

The quick run uses SQLite, and fewer of everything.
"""

from __future__ import annotations

import random
import re
import sqlite3
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import psutil

from sandbox.client import SandboxNetwork
from tests.product import Product, eventually

from .chaos_traffic import App, write_to_numbers
from .database import database
from .measure import Result
from .memory_per_session import link_many

PAUSE = 0.6  # seconds between two kills
SAMPLE = 0.15  # seconds between two looks at all processes
SETTLE = 120.0  # seconds until everything must be back
WAITING = re.compile(r"^switchboard_ingest_waiting (\S+)$", re.MULTILINE)
LOSS_BUDGET = 5
DATABASE = "database"
WORKER = b"sessions_mgr.worker.zygote"  # in the command line of every worker
EXPLAINED = {"reconnecting", "starting", "failed", "logged_out"}  # these need a reason


def run(folder: Path, quick: bool) -> list[Result]:
    numbers, kills = (6, _kills(8, 1, 1, 1, 0)) if quick else (10, _kills(50, 5, 2, 5, 2))
    with ExitStack() as stack:
        base = None if quick else stack.enter_context(database(folder))
        product = Product(folder, **({"DATABASE_URL": base.url} if base else {}))
        stack.callback(product.stop)
        product.start()
        accounts = link_many(product, numbers)
        network = SandboxNetwork.from_directory(Path(product.environment["DATA_DIR"]) / "sandbox")
        sampler = Sampler(product)
        sampler.start()
        app = App(product, network, accounts)
        sent = write_to_numbers(network, accounts, seconds=len(kills) * PAUSE + 5)
        app.start()
        killed: Counter[str] = Counter()
        for kind in kills:
            if base is not None and kind == DATABASE:
                base.restart()
            else:
                _kill(product, kind, killed)
            time.sleep(PAUSE)
        app.stop()
        down = _not_connected(product, accounts)
        with suppress(AssertionError):  # what has no end by then counts as lost
            eventually(app.settled, within=SETTLE, what="every message of the app has an end")
        _drained(network)
        _ingested(product)
        sampler.stop()
        stored, gaps = _read_log(product)
        unsent, sent_twice, ends = app.verdict()
        unexplained = sum(_unexplained(product, account) for account in accounts)
        facts = {"kills": len(kills), "in": len(sent), "out": len(app.accepted), **ends}
    lost = [wa_id for wa_id in sent if wa_id not in stored]
    silent = [wa_id for wa_id in lost if wa_id not in gaps and sent[wa_id] not in gaps]
    print(f"chaos: {facts}, lost {len(lost)}, of these told {len(lost) - len(silent)}")
    if app.given_up:
        print(f"chaos: the API did not take {app.given_up} messages in time")
    doubled = sum(n - 1 for n in stored.values())
    return [
        _count("chaos_loss", len(lost), len(sent), LOSS_BUDGET),
        _count("chaos_loss_untold", len(silent), len(sent), 0),
        _count("chaos_duplicates", doubled, len(sent), 0),
        _count("chaos_sends_lost", unsent + app.given_up, len(app.accepted), 0),
        _count("chaos_sends_doubled", sent_twice, len(app.accepted), 0),
        _count("chaos_two_workers", sampler.doubles, sampler.looks, 0),
        _count("chaos_not_connected", down, numbers, 0),
        _count("chaos_unexplained", unexplained, len(kills), 0),
    ]


def _count(name: str, value: int, n: int, budget: int) -> Result:
    return Result(name, value, "count", n, None, None, None, budget, value <= budget)


def _kills(workers: int, nodes: int, buses: int, pipelines: int, databases: int) -> list[str]:
    kills = (
        ["worker"] * workers
        + ["run_node"] * nodes
        + ["nats-server"] * buses
        + ["run_pipeline"] * pipelines
        + [DATABASE] * databases
    )
    random.shuffle(kills)
    return kills


def _kill(product: Product, kind: str, killed: Counter[str]) -> None:
    """kill -9 of one process of this kind, once there is one.

    Workers in turn, by chance: a number whose worker dies again and again is given up on purpose.
    """
    if kind != "worker":
        victim = eventually(lambda: product.child(kind), within=30, what=f"there is a {kind}")
        victim.kill()
        return
    workers = eventually(lambda: workers_by_folder(product), within=60, what="a worker runs")
    folder = min(workers, key=lambda name: (killed[name], random.random()))
    killed[folder] += 1
    with suppress(psutil.NoSuchProcess):
        psutil.Process(random.choice(workers[folder])).kill()


def workers_by_folder(product: Product) -> dict[str, list[int]]:
    """Live processes that hold a session's store open, by the session's folder.

    Looks at the whole machine: the workers of a node that was killed are nobody's children.
    """
    found: dict[str, list[int]] = {}
    for pid in psutil.pids():
        with suppress(OSError):
            if WORKER not in Path(f"/proc/{pid}/cmdline").read_bytes():
                continue
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                target = str(descriptor.readlink())
                if target.endswith("/store.db") and target.startswith(str(product.folder)):
                    found.setdefault(target.rpartition("/")[0], []).append(pid)
                    break
    return found


class Sampler(threading.Thread):
    """Looks again and again whether any number has two workers."""

    def __init__(self, product: Product) -> None:
        super().__init__(name="sampler", daemon=True)
        self._product = product
        self._over = threading.Event()
        self.looks = self.doubles = 0

    def run(self) -> None:
        while not self._over.wait(SAMPLE):
            with suppress(psutil.Error):
                self.looks += 1
                for folder, pids in workers_by_folder(self._product).items():
                    if len(set(pids)) > 1:
                        self.doubles += 1
                        print(f"two workers: {pids} in {folder}")

    def stop(self) -> None:
        self._over.set()
        self.join(5)


def _not_connected(product: Product, accounts: list[str]) -> int:
    def statuses() -> Counter[str]:
        with suppress(AssertionError, OSError):
            listed = product.call("GET", "/accounts?limit=200")["results"]
            return Counter(a["status"] for a in listed)
        return Counter()

    with suppress(AssertionError):
        eventually(lambda: statuses()["connected"] == len(accounts), within=SETTLE)
    return len(accounts) - statuses()["connected"]


def _drained(network: SandboxNetwork) -> None:
    """Until every phone's device has acknowledged everything that was sent to it."""

    def empty() -> bool:
        return all(not d["queued"] and not d["unacked"] for d in network.state()["devices"])

    eventually(empty, within=SETTLE, what="all messages are acknowledged")


def _ingested(product: Product) -> None:
    """Until what the workers stored is in the database. What a killed pipeline had taken and not
    acknowledged is delivered to the next one after half a minute."""

    def spooled(file: Path) -> int:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM facts").fetchone()[0])

    def done() -> bool:
        if any(spooled(file) for file in product.folder.rglob("spool.db")):
            return False
        with suppress(OSError, httpx.HTTPError):
            found = WAITING.search(
                httpx.get(f"{product.url}/metrics", timeout=5, trust_env=False).text
            )
            return found is not None and float(found[1]) == 0
        return False

    eventually(done, within=SETTLE, what="everything is in the database")


def _read_log(product: Product) -> tuple[Counter[str], set[str]]:
    """How often each message is in the log; the messages, and accounts, that are told as lost."""
    stored: Counter[str] = Counter()
    gaps: set[str] = set()
    after, quiet = 0, 0
    while quiet < 2:  # twice nothing new: what was acknowledged last is stored, too
        page = product.call("GET", f"/events?after={after}&limit=500&wait=2")
        for event in page["results"]:
            if event["type"] == "message" and event["data"]["direction"] == "in":
                stored[event["data"]["wa_id"]] += 1
            elif event["type"] in ("message.gap", "message.undecryptable"):
                gaps.add(event["data"]["wa_id"] or event["account_id"])
        quiet = quiet + 1 if not page["results"] else 0
        after = page["next_after"]
    return stored, gaps


def _unexplained(product: Product, account: str) -> int:
    rows = product.timeline(account)
    first_connect = next(i for i, row in enumerate(reversed(rows)) if row["to"] == "connected")
    later = list(reversed(rows))[first_connect + 1 :]
    return sum(1 for row in later if row["to"] in EXPLAINED and not row["reason"])
