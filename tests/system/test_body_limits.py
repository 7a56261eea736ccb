"""Bodies that are too large are refused by the web process before they are read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing, suppress

import httpx
import psutil
import pytest

from tests.product import ROOT, eventually, free_port

MOST = 1_000_000  # bytes of a file; a request may have 1 MiB more


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "DATA_DIR": str(folder),
        "PORT": str(port),
        "MEDIA_MAX_BYTES": str(MOST),
    }
    (folder / "static").mkdir()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run_web"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"

    def alive():
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return httpx.get(f"{url}/health/live", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    eventually(alive, within=40, what="the web process answers")
    yield port, process.pid
    process.terminate()
    process.wait(10)


def ask(port: int, head: bytes, body=(), within: float = 15.0) -> bytes:
    """Send `head`, then what `body` yields until the server answers or hangs up."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=within)) as line:
        line.sendall(head)
        with suppress(BrokenPipeError, ConnectionResetError):  # it has answered and hung up
            for part in body:
                line.sendall(part)
        line.settimeout(within)
        answer = b""
        while b"\r\n\r\n" not in answer or b"code" not in answer:
            part = line.recv(65_536)
            if not part:
                break
            answer += part
        return answer


def head(*lines: str) -> bytes:
    named = ["POST /api/v1/uploads HTTP/1.1", "Host: 127.0.0.1", *lines]
    return "\r\n".join([*named, "", ""]).encode()


def test_two_gigabytes_are_refused_and_never_read(web):
    port, pid = web
    before = psutil.Process(pid).memory_info().rss
    answer = ask(port, head("Content-Length: 2147483648"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code": "too_large"' in answer
    assert psutil.Process(pid).memory_info().rss - before < 10_000_000


def test_a_body_that_grows_too_large_without_saying_so_is_refused(web):
    port, _pid = web
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    answer = ask(port, head("Transfer-Encoding: chunked"), (chunk for _ in range(64)))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_within_the_limit_reaches_the_application(web):
    port, _pid = web
    size = MOST + 1_000_000
    answer = ask(
        port,
        head(f"Content-Length: {size}", "Content-Type: application/json", "Connection: close"),
        [bytes(size)],
    )
    assert answer.startswith(b"HTTP/1.1 401 ")


def chunks(*parts: bytes) -> list[bytes]:
    return [b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b"")]


def test_a_form_in_chunks_has_the_limit_of_forms(web):
    port, _pid = web
    lines = ["Transfer-Encoding: chunked", "Connection: close"]
    form = head(*lines, "Content-Type: application/x-www-form-urlencoded")
    answer = ask(port, form, chunks(bytes(1_100_000)))
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert b"Nothing was changed" in answer
