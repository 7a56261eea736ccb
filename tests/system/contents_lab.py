"""A sandbox, a neonize client linked to one of its phones, and what tests ask of both."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.client import SandboxNetwork
from tests.system.neonize_client import NeonizeClient
from tests.system.sandbox_process import SandboxProcess

OURS = "+15550001001"
THEIRS = "+15550002002"
OTHER = "+15550003003"
DEADLINE_SECONDS = 30.0
WAVEFORM = bytes(range(64))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def eventually(probe: Callable[[], Any], deadline: float = DEADLINE_SECONDS) -> Any:
    end = time.monotonic() + deadline
    while not (value := probe()):
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.02)
    return value


class Lab:
    """One sandbox, a client linked to OURS, and what tests ask again and again."""

    def __init__(self, process: SandboxProcess, api: SandboxNetwork, client: NeonizeClient) -> None:
        self.process = process
        self.api = api
        self.client = client
        self.ours_lid, self.theirs_lid = (api.phone(number)["lid"] for number in (OURS, THEIRS))

    def says(self, kind: str, **members: Any) -> str:
        """THEIRS sends a message to OURS."""
        return self.api.send_one(THEIRS, OURS, kind, **members)

    def heard(self, wa_id: str, event: str = "Message") -> dict[str, Any]:
        """The event of the client with this message id; in a group, one with only a key may come
        before the one with the message."""

        def matches(entry: dict[str, Any]) -> bool:
            members = set(entry["data"].get("Message", {})) - {"senderKeyDistributionMessage"}
            wanted = event != "Message" or bool(members)
            return wanted and entry["data"]["Info"]["ID"] == wa_id

        data: dict[str, Any] = self.client.wait(event, matches)["data"]
        return data

    def arrived(self, wa_id: str, number: str = THEIRS) -> dict[str, Any]:
        """The entry of a phone's inbox with this message id."""

        def find() -> dict[str, Any] | None:
            entries = self.api.inbox(number, newest_first=True)
            return next((entry for entry in entries if entry["wa_id"] == wa_id), None)

        entry: dict[str, Any] = eventually(find)
        return entry

    def sends(self, **message: Any) -> dict[str, Any]:
        """The client sends a message to THEIRS; how it arrived there."""
        return self.arrived(self.client.call("send_message", to=THEIRS, message=message))

    def settled(self) -> bool:
        """Whether the client has confirmed everything."""
        devices = self.api.state()["devices"]
        return all(device["unacked"] == 0 for device in devices)

    def uploads(self, data: bytes, kind: str) -> dict[str, Any]:
        """The client uploads a file; the members of a message that point to it."""
        uploaded = self.client.call("upload", data=b64(data), kind=kind)
        names = {"url": "URL", "DirectPath": "directPath", "MediaKey": "mediaKey"}
        names |= {"FileEncSHA256": "fileEncSHA256", "FileSHA256": "fileSHA256"}
        part = {names[name]: value for name, value in uploaded.items() if name in names}
        return part | {"fileLength": len(data)}


@pytest.fixture(scope="module", name="lab")
def linked_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("contents")
    with SandboxProcess(folder / "network") as process, process.api() as api:
        for number, name in ((OURS, "Ours"), (THEIRS, "Theirs"), (OTHER, "Other")):
            api.create_phone(number, name)
        with NeonizeClient(process.network, folder / "ours.db") as client:
            api.scan(OURS, client.wait("qr")["code"])
            client.wait("Connected")
            yield Lab(process, api, client)


@pytest.fixture(autouse=True)
def no_faults(lab: Lab) -> Iterator[None]:
    yield
    lab.api.clear_faults()
