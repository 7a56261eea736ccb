"""What becomes of processes that a dead worker leaves to the node, their new parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sessions_mgr.engines import neonize_library
from sessions_mgr.supervision import zygote_client
from sessions_mgr.supervision.processes import dead_children
from sessions_mgr.supervision.zygote_client import ZygoteWorkers


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr(zygote_client, "STRANGERS_SECONDS", 0.0)
    monkeypatch.setattr(zygote_client.ZygoteWorkers, "_living_zygote", lambda self: None)
    workers = ZygoteWorkers({})
    yield workers
    workers.close()


@pytest.fixture
def stranger():
    """A child that nobody of us waits for: forked beside subprocess, which keeps books."""
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "input()"], os.environ)
    yield psutil.Process(pid)
    if psutil.pid_exists(pid):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def end(process):
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_the_dead_that_nobody_waits_for_go_at_the_second_look(workers, stranger):
    workers.poll(0.0)
    assert stranger.is_running()

    end(stranger)
    workers.poll(0.0)
    assert stranger.pid in dead_children()

    workers.poll(0.0)
    assert not psutil.pid_exists(stranger.pid)


def test_who_waits_soon_gets_the_status(workers):
    child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    workers.poll(0.0)
    assert child.wait() == 7


def test_the_name_of_the_library_is_found_without_another_process(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("it started a process")

    neonize_library.preload()
    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert Path(neonize_library.library_path()).is_file()
