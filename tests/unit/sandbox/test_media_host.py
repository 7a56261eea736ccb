"""The media host: its shelf, and its answers over a real loopback socket."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sandbox.network import faults, media_host
from sandbox.network.dispatch import Dispatcher
from sandbox.network.faults import Fault, Target
from sandbox.network.hub import Network
from sandbox.network.media_files import FileTooLargeError, MediaFiles, WrongHashError
from sandbox.server import ProxyServer
from sandbox.tls import Authority

CONTENT = b"an encrypted file"


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.fixture
async def http(network: Network) -> AsyncIterator[httpx.AsyncClient]:
    server = ProxyServer(network, Dispatcher(), Authority.create().server_context())
    port = await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client
    await server.close()


def upload_path(network: Network, data: bytes, auth: str | None = None) -> str:
    token = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
    return f"/mms/image/{token}?auth={network.media_auth if auth is None else auth}&token={token}"


async def test_what_is_uploaded_can_be_had(network: Network, http: httpx.AsyncClient) -> None:
    content = os.urandom(200_000)
    answer = await http.post(upload_path(network, content), content=content)
    assert answer.status_code == 200
    path = answer.json()["direct_path"]
    assert "?" in path
    assert (await http.get(path + "&hash=x")).content == content
    assert (await http.request("DELETE", upload_path(network, content))).status_code == 200
    assert (await http.get(path)).status_code == 404


async def test_an_upload_needs_authorisation(network: Network, http: httpx.AsyncClient) -> None:
    answer = await http.post(upload_path(network, CONTENT, "wrong"), content=CONTENT)
    assert answer.status_code == 401
    assert network.media.path(name_of(CONTENT)) is None


async def test_an_upload_must_be_what_was_announced(
    network: Network, http: httpx.AsyncClient
) -> None:
    answer = await http.post(upload_path(network, CONTENT), content=b"something else")
    assert answer.status_code == 400


async def test_two_gigabytes_are_refused_before_they_come(
    network: Network, http: httpx.AsyncClient
) -> None:
    port = http.base_url.port
    assert port
    head = f"POST {upload_path(network, CONTENT)} HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setblocking(False)
        client.send(head.encode() + b"Content-Length: 2147483648\r\n\r\n")
        answer = await _until_closed(client)
    assert answer.startswith(b"HTTP/1.1 413 ")


async def _until_closed(client: socket.socket) -> bytes:
    loop, answer = asyncio.get_running_loop(), b""
    while piece := await asyncio.wait_for(loop.sock_recv(client, 65_536), 10):
        answer += piece
    return answer


@pytest.mark.parametrize("name", ["../../etc/passwd", "..%2f..%2fstate.db", "", "0" * 63])
async def test_only_files_of_the_host_can_be_had(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.get(f"{media_host.DOWNLOADS}{name}{media_host.ENDING}?a")
    assert answer.status_code == 404


async def test_faults_hit_the_device_whose_host_name_is_used(
    network: Network, http: httpx.AsyncClient
) -> None:
    path = media_host.direct_path(network.media.put(CONTENT))
    hosts = [{"Host": media_host.host_of("15550001001", device)} for device in (1, 2)]
    target = Target("15550001001", 1)
    network.faults.arm(Fault(faults.MEDIA_GONE, target, parameters={"code": 410}))
    answers = [(await http.get(path, headers=host)).status_code for host in hosts]
    assert answers == [410, 200]
    network.faults.clear()
    network.faults.arm(Fault(faults.MEDIA_CORRUPT, Target("15550001001")))
    for host in hosts:
        received = (await http.get(path, headers=host)).content
        assert received != CONTENT
        assert received[1:] == CONTENT[1:]


async def test_a_broken_upload_leaves_nothing(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media", max_file_bytes=10)
    with pytest.raises(WrongHashError):
        await files.take(pieces(b"other"), name_of(CONTENT))
    with pytest.raises(FileTooLargeError):
        await files.take(pieces(b"123456", b"789012"), name_of(b"123456789012"))
    with pytest.raises(FileTooLargeError):
        files.put(bytes(11))
    assert list((tmp_path / "media").iterdir()) == []


def test_a_full_shelf_loses_its_oldest_files(tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media", max_shelf_bytes=20)
    names = []
    for index in range(3):
        names.append(files.put(bytes([index]) * 10))
        os.utime(tmp_path / "media" / names[-1], (index, index))
    files.put(b"y")
    kept = [files.path(name) is not None for name in names]
    assert kept == [False, False, True]


def test_what_an_earlier_process_left_half_done_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "x.partial").write_bytes(b"half")
    MediaFiles(folder)
    assert list(folder.iterdir()) == []
