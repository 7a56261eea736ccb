"""A sandbox network for one test, its phones, and neonize clients that are linked to them."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import SandboxNetwork
from tests.system.neonize_client import NeonizeClient
from tests.system.sandbox_process import SandboxProcess

OURS = "+15550001001"
THEIRS = "+15550002002"
THIRD = "+15550003003"
DEADLINE_SECONDS = 30.0

Start = Callable[..., NeonizeClient]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path / "network") as process:
        yield process


@pytest.fixture
def api(sandbox: SandboxProcess) -> Iterator[SandboxNetwork]:
    with sandbox.api() as network:
        network.create_phone(OURS, "Ours")
        network.create_phone(THEIRS, "Theirs")
        yield network


@pytest.fixture
def start(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Start]:
    clients: list[NeonizeClient] = []

    def start_client(name: str = "ours", log_level: str = "WARNING") -> NeonizeClient:
        client = NeonizeClient(sandbox.network, tmp_path / f"{name}.db", log_level=log_level)
        clients.append(client)
        return client

    yield start_client
    for client in clients:
        client.kill()


@pytest.fixture
def ours(api: SandboxNetwork, start: Start) -> NeonizeClient:
    return linked(api, start(), OURS)


def linked(api: SandboxNetwork, client: NeonizeClient, number: str) -> NeonizeClient:
    api.scan(number, client.wait("qr")["code"])
    client.wait("Connected")
    return client


def eventually(probe: Callable[[], Any], deadline: float = DEADLINE_SECONDS) -> Any:
    end = time.monotonic() + deadline
    while not (value := probe()):
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.02)
    return value


def text_of(event: dict[str, Any]) -> str:
    message = event["data"]["Message"]
    extended: str = message.get("extendedTextMessage", {}).get("text", "")
    return message.get("conversation", "") or extended


def device_of(api: SandboxNetwork, number: str) -> dict[str, Any]:
    return next(device for device in api.state()["devices"] if device["phone_number"] == number)


def query(database: Path, sql: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def third(api: SandboxNetwork) -> str:
    api.create_phone(THIRD, "Third")
    return THIRD


@pytest.fixture
def group(api: SandboxNetwork, ours: NeonizeClient, third: str) -> str:
    """A group of three that our client has made."""
    created = ours.call("group_create", name="Friends", people=[THEIRS, third])
    ours.wait("JoinedGroup")
    return jid_of(created["JID"])


def jid_of(jid: dict[str, Any]) -> str:
    return f"{jid['User']}@{jid['Server']}"


def lid_user(api: SandboxNetwork, number: str) -> str:
    return str(api.phone(number)["lid"]).partition("@")[0]


def members(info: dict[str, Any]) -> set[str]:
    return {one["PhoneNumber"]["User"] for one in info["Participants"]}


def digits(*numbers: str) -> set[str]:
    return {number.removeprefix("+") for number in numbers}


def said(client: NeonizeClient) -> str:
    """The next text. A sender key that comes with a group message is a message event too."""
    return text_of(client.wait("Message", lambda event: bool(text_of(event))))


def group_change(client: NeonizeClient, member: str) -> dict[str, Any]:
    return client.wait("GroupInfoEvent", lambda event: member in event["data"])["data"]
