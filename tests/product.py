"""The whole product as a child process: `manage.py serve` on a free port, in its own folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

ROOT = Path(__file__).parents[1]
START_DEADLINE = 180.0  # seconds; a start takes 5, but not on a machine that runs other tests
API_KEY = "test-key-0123456789-abcdefghij-ABCDEFGHIJ-xyz"
EMAIL = "owner@example.test"
PASSWORD = "A-passphrase-for-tests-7"

T = TypeVar("T")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(look: Callable[[], T], *, within: float = 30.0, what: str = "") -> T:
    """The first true answer of `look`; AssertionError with the last one after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what or look}; last: {answer!r}")
        time.sleep(0.05)


def remove_folder(folder: Path) -> None:
    """Away with it, also while a worker makes and removes files in it."""

    def gone() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    eventually(gone, what=f"{folder} is gone")


def still_runs(process: psutil.Process) -> bool:
    """A zombie does not, and one that ends while we look has ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


class Product:
    """Start with `start()`, end with `stop()`; the log is in `log`."""

    def __init__(self, folder: Path, *, port: int = 0, **environment: str) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "product.log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DATA_DIR": str(folder / "var"),
            "PORT": str(self.port),
            "SANDBOX": "1",
            "WEBHOOK_ALLOW_PRIVATE": "1",
            "API_RATE": "100000/min",
            "SWITCHBOARD_BOOTSTRAP_API_KEY": API_KEY,
            "SWITCHBOARD_BOOTSTRAP_EMAIL": EMAIL,
            "SWITCHBOARD_BOOTSTRAP_PASSWORD": PASSWORD,
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.api = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {API_KEY}"},
            timeout=40.0,
            trust_env=False,
        )

    def start(self) -> Product:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self._is_ready, within=START_DEADLINE, what="the product is ready")
        return self

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"serve ended:\n{self.tail()}"
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def processes(self) -> list[psutil.Process]:
        """Everything that runs below the launcher, and the launcher."""
        if self.process is None or not psutil.pid_exists(self.process.pid):
            return []
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def child(self, word: str) -> psutil.Process | None:
        """The process whose command line holds `word`, if it runs."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                if any(word in part for part in process.cmdline()):
                    return process
        return None

    def stop(self, *, signum: int = signal.SIGTERM, within: float = 30.0) -> int:
        """End it as Ctrl-C would; the exit code."""
        self.api.close()
        if self.process is None:
            return 0
        before = self.processes()
        if self.process.poll() is None:
            self.process.send_signal(signum)
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            kill(before)
            raise AssertionError(f"did not stop within {within:g} s:\n{self.tail()}") from None
        self.left_over = [process for process in before if still_runs(process)]
        kill(self.left_over)
        return code

    # What tests do with it ------------------------------------------------------------------

    def call(self, method: str, path: str, **kwargs: Any) -> Any:
        answer = self.api.request(method, path, **kwargs)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def account(self, account_id: str) -> dict[str, Any]:
        return self.call("GET", f"/accounts/{account_id}")

    def new_account(self, label: str = "Number") -> str:
        return self.call("POST", "/accounts", json={"label": label})["id"]

    def phone(self, number: str, **fields: Any) -> str:
        self.call("POST", "/sandbox/phones", json={"phone_number": number, **fields})
        return number

    def connect(self, account_id: str) -> dict[str, Any]:
        """connect, and wait for the code."""
        self.call("POST", f"/accounts/{account_id}/connect")
        return self.call("GET", f"/accounts/{account_id}/qr?wait=20")

    def link(self, account_id: str, number: str) -> dict[str, Any]:
        """connect, scan with the virtual phone, wait until connected."""
        self.connect(account_id)
        self.call("POST", f"/sandbox/phones/{number}/scan", json={"account_id": account_id})
        return self.until(account_id, "connected")

    def until(self, account_id: str, status: str, within: float = 30.0) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            account = self.account(account_id)
            return account if account["status"] == status else None

        try:
            return eventually(look, within=within, what=f"{account_id} is {status}")
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{self.account(account_id)}\n{self.tail()}") from None

    def health(self, account_id: str) -> dict[str, Any]:
        return self.call("GET", f"/accounts/{account_id}/health")

    def timeline(self, account_id: str) -> list[dict[str, Any]]:
        return self.call("GET", f"/accounts/{account_id}/timeline?limit=200")["results"]
