"""A sandbox network in a process of its own, stopped with the test."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sandbox.client import SandboxNetwork

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 30.0


class SandboxProcess:
    """Start, stop and restart `python -m sandbox` in one directory."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.network: dict[str, Any] = {}

    def __enter__(self) -> SandboxProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(DEADLINE_SECONDS)

    def start(self) -> None:
        """Start and wait until network.json is there."""
        command = [sys.executable, "-m", "sandbox", "--dir", str(self.directory), *self._options]
        self.directory.mkdir(exist_ok=True)
        with (self.directory / "sandbox.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        description = self.directory / "network.json"
        end = time.monotonic() + DEADLINE_SECONDS
        while not description.exists():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self.directory / "sandbox.log").read_text())
            time.sleep(0.01)
        self.network = json.loads(description.read_text())

    def stop(self) -> int:
        """Ask it to stop; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(DEADLINE_SECONDS)

    def api(self) -> SandboxNetwork:
        """A client for the control port of the present process."""
        return SandboxNetwork.from_directory(self.directory)
