"""Real workers in a laboratory: a bus, a sandbox network, a zygote, and someone who listens.

No Django. Every wait has a deadline, everything that was started is ended, also when a test dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import UUID, uuid4

import nats
import psutil

from sandbox.client import SandboxNetwork as Sandbox
from sessions_mgr import stores
from sessions_mgr.supervision.contracts import Assignment, Ended
from sessions_mgr.supervision.networks import SandboxNetwork, zygote_environment
from sessions_mgr.supervision.zygote_client import PROJECT, ZygoteWorkers
from sessions_mgr.worker.config import WorkerConfig

WORKSPACE = UUID("11111111-1111-4111-8111-111111111111")
DEADLINE = 30.0


def until(condition, what, seconds=DEADLINE):
    """Poll a condition; its first true value. Fails with `what` after the deadline."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds:g} s: {what() if callable(what) else what}")


def _die_with_us():
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Nats:
    """A nats-server of our own, which can be stopped and started again on the same port."""

    def __init__(self, folder: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.url = f"nats://127.0.0.1:{self.port}"
        self.process = None
        self.start()

    def start(self):
        binary = Path(sys.executable).parent / "nats-server"
        arguments = ["-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder)]
        self.process = subprocess.Popen(
            [binary, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_us,
        )
        until(self._answers, "nats-server")
        until(lambda: asyncio.run(self._make_stream()), "the stream")

    def _answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    async def _make_stream(self):
        client = await nats.connect(self.url)
        try:
            await client.jetstream(timeout=1).add_stream(
                name="EVENTS", subjects=["evt.>"], duplicate_window=600
            )
        except (nats.errors.Error, TimeoutError):
            return False  # just started, JetStream is not ready yet
        finally:
            await client.close()
        return True

    def stop(self):
        self.process.kill()
        self.process.wait()

    def stored(self, account) -> list[dict]:
        """Everything that the stream has of an account, in order."""
        return asyncio.run(self._stored(account))

    async def _stored(self, account):
        client = await nats.connect(self.url)
        stream = client.jetstream()
        subscription = await stream.pull_subscribe(f"evt.*.{account}", stream="EVENTS")
        facts = []
        while (await subscription.consumer_info()).num_pending:
            facts += await subscription.fetch(100, timeout=10)
        await client.close()
        return [json.loads(fact.data) for fact in facts]

    def request(self, account, op, seconds=10.0, **args):
        """Ask a worker; its whole reply."""

        async def ask():
            client = await nats.connect(self.url)
            try:
                payload = json.dumps({"op": op, "args": args}).encode()
                answer = await client.request(f"cmd.{account}", payload, timeout=seconds)
                return json.loads(answer.data)
            finally:
                await client.close()

        return asyncio.run(ask())


class Listener:
    """Hears every fact as soon as it is published."""

    def __init__(self, url):
        self.facts: list[dict] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over = None
        self._thread = threading.Thread(target=self._run, args=(url,))
        self._thread.start()
        assert self._ready.wait(DEADLINE)

    def _run(self, url):
        self._loop.run_until_complete(self._listen(url))
        self._loop.close()

    async def _listen(self, url):
        self._over = asyncio.Event()
        client = await nats.connect(
            url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=_silent
        )

        async def heard(message):
            self.facts.append(json.loads(message.data) | {"heard": time.time()})

        await client.subscribe("evt.>", cb=heard)
        await client.flush()
        self._ready.set()
        await self._over.wait()
        await client.close()

    def of(self, account, kind=None, epoch=None):
        return [
            fact
            for fact in self.facts
            if fact["account_id"] == str(account)
            and kind in (None, fact["kind"])
            and epoch in (None, fact["epoch"])
        ]

    def wait(self, account, kind, epoch=None, seconds=DEADLINE):
        """The first such fact."""
        return until(
            lambda: self.of(account, kind, epoch),
            lambda: f"{kind} of {account}; had {[f['kind'] for f in self.of(account)]}",
            seconds,
        )[0]

    def close(self):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(5)


async def _silent(_error):
    pass


class SandboxProcess:
    def __init__(self, folder: Path, *options: str):
        self.folder = folder
        with (folder.parent / "sandbox.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", "--dir", folder, "--exit-with-stdin", *options],
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.network = until(
            lambda: SandboxNetwork.read(folder / "network.json"), "the sandbox network"
        )
        self.client = Sandbox.from_directory(folder)

    def close(self):
        self.client.close()
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Lab:
    """Workers without a supervisor: the test itself says what runs."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.nats = Nats(folder / "nats")
        self.listener = Listener(self.nats.url)
        (folder / "sandbox").mkdir()
        self.sandbox = SandboxProcess(folder / "sandbox")
        self.phones = self.sandbox.client
        self.workers = ZygoteWorkers(zygote_environment(os.environ, self.sandbox.network))
        self.workers.start()
        self.ends: dict[UUID, list[Ended]] = {}
        self.living: set[UUID] = set()
        self._numbers = iter(range(15550001, 15559999))
        self._stores = stores.Stores(folder / "sessions")

    def close(self):
        self.pump()
        for account in list(self.living):
            self.workers.kill(account)
        with contextlib.suppress(AssertionError):
            until(lambda: self.pump() or not self.living, "the workers' end", 5)
        self.workers.close()
        self.listener.close()
        self.sandbox.close()
        self.nats.stop()

    def account(self) -> UUID:
        return uuid4()

    def phone(self, **options) -> str:
        number = f"+{next(self._numbers)}"
        self.phones.create_phone(number, f"Phone {number}", **options)
        return number

    def dir(self, account) -> Path:
        return self._stores.create(WORKSPACE, account)

    def config(self, account, epoch=1, **settings) -> WorkerConfig:
        defaults = {
            "account_id": account,
            "workspace_id": WORKSPACE,
            "epoch": epoch,
            "node": "lab",
            "session_dir": self.dir(account),
            "nats_url": self.nats.url,
            "proxy_url": self.sandbox.network.proxy_url,
            "sandbox_trust_anchor": self.sandbox.network.noise_public_key,
            "heartbeat_interval": 0.2,
        }
        return WorkerConfig(**defaults | settings)

    def spawn(self, account, epoch=1, **settings):
        config = self.config(account, epoch, **settings)
        log = config.session_dir / stores.LOG
        self.workers.spawn(account, Assignment(epoch, config.to_json(), log))
        self.living.add(account)

    def script(self, account, script, epoch=1, **options):
        """Spawn a worker with the scripted engine."""
        text = script if isinstance(script, str) else json.dumps(script)
        self.spawn(account, epoch, engine="scripted", engine_options={"script": text, **options})

    def paired(self) -> tuple[UUID, str]:
        """A connected account and its phone."""
        account, phone = self.account(), self.phone()
        self.spawn(account)
        self.scan(account, phone)
        self.listener.wait(account, "connected")
        return account, phone

    def scan(self, account, phone, epoch=1):
        code = self.listener.wait(account, "qr_issued", epoch)["data"]["code"]
        return self.phones.scan(phone, code)

    def say(self, account, to, text) -> str:
        """Send a text as the outbox does; its id."""
        content = {"type": "text", "text": text}
        reply = self.nats.request(
            account, "send", request_id=str(uuid4()), to=to, first_epoch=0, content=content
        )
        assert reply["ok"], reply
        return reply["result"]["wa_id"]

    def pid(self, account) -> int:
        return until(
            lambda: self.pump() or self.workers.process_of(account), "the worker's pid"
        ).pid

    def process(self, account) -> psutil.Process:
        return psutil.Process(self.pid(account))

    def pump(self):
        for report in self.workers.poll(0.0):
            if isinstance(report, Ended):
                self.living.discard(report.account)
                self.ends.setdefault(report.account, []).append(report)

    def end(self, account, seconds=DEADLINE) -> Ended:
        """How the account's worker ended; waits for it."""
        return until(
            lambda: self.pump() or (account not in self.living and self.ends.get(account)),
            lambda: f"end of {account}; log: {self.log(account)[-2000:]}",
            seconds,
        )[-1]

    def stop(self, account) -> Ended:
        self.workers.stop(account)
        return self.end(account)

    def log(self, account) -> str:
        return (self.dir(account) / stores.LOG).read_text(errors="replace")
