import logging
import os
from types import SimpleNamespace

from sessions_mgr.worker import logfile
from sessions_mgr.worker.logfile import cap_log, crash_line, open_log


def test_a_log_is_cut_in_place_and_its_end_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(logfile, "MAX_BYTES", 1000)
    monkeypatch.setattr(logfile, "KEEP_BYTES", 10)
    log = tmp_path / "worker.log"
    fd = open_log(log)
    os.write(fd, b"x" * 1000 + b"the end...")
    cap_log(log, fd)
    os.write(fd, b"goes on")
    os.close(fd)
    assert log.read_bytes() == b"goes on"
    assert (tmp_path / "worker.log.1").read_bytes() == b"the end..."


def test_a_short_log_is_left_alone(tmp_path):
    log = tmp_path / "worker.log"
    fd = open_log(log)
    os.write(fd, b"short")
    cap_log(log, fd)
    os.close(fd)
    assert log.read_bytes() == b"short"


def test_a_log_that_is_too_long_at_the_start_is_moved_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(logfile, "MAX_BYTES", 10)
    log = tmp_path / "worker.log"
    log.write_bytes(b"x" * 11)
    os.close(open_log(log))
    assert log.read_bytes() == b""


def test_the_crash_line_is_the_first_one_of_this_life(tmp_path):
    log = tmp_path / "worker.log"
    log.write_bytes(b"panic: old\n")
    before = log.stat().st_size
    with log.open("ab") as file:
        file.write(b"INFO fine\npanic: runtime error: nil\n\ngoroutine 1:\nfatal error: later\n")
    assert crash_line(log, before) == "panic: runtime error: nil"
    assert crash_line(log, log.stat().st_size) == ""
    assert crash_line(tmp_path / "none", 0) == ""


def test_every_line_of_a_worker_says_whose_it_is(capfd, monkeypatch):
    config = SimpleNamespace(workspace_id="w-1", account_id="a-1", epoch=7)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logfile.begin_log(config)
    logging.getLogger("anything").warning("said")
    lines = capfd.readouterr().err.splitlines()
    assert [line.split(" ", 3)[3] for line in lines] == [
        f"sessions_mgr.worker.logfile life begins: pid {os.getpid()} "
        "workspace=w-1 account=a-1 epoch=7",
        "anything said workspace=w-1 account=a-1 epoch=7",
    ]
